//! Whole-system tests: the real binary, real sshd, real plugins, a real browser.
