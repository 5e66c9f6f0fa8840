//! Capsules: a command's supervisor on its machine, which outlives the connection.
//!
//! The script in `sh/` is sent along with each request and installs nothing; it starts the command, keeps what it writes in a folder
//! of the account and tells of it from any position on. `wire.rs` says how both sides talk, `talk.rs` follows a capsule
//! whatever carries the bytes, `remote.rs` and `here.rs` carry them by SSH and by pipes.
//!
//! Invariants: a command is started at most once, since making its folder is what starts it; what the machine says is
//! checked before it is believed; a capsule is removed only after `release`, or a week after its end.

mod end;
mod ending;
mod here;
mod parked;
mod remote;
mod script;
mod talk;
mod wire;

pub(crate) use ending::end_bare;
pub(crate) use here::Here;
pub(crate) use parked::Kept;
pub(crate) use remote::Beside;

#[cfg(test)]
mod tests;
