//! The command line from outside: the built binary is started, and what it writes and how it ends is looked at.

mod authors;
mod clients;
mod data;
mod fanout;
mod output;
mod starts;
mod support;
