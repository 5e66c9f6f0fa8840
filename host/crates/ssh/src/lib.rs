//! SSH by russh: connections, host keys, authentication, command runs; and the demo fleet's servers.
