//! One component that is all kinds of plugin at once and misbehaves when its input says so. Off WebAssembly it is
//! empty: it is only ever run by the plugin host.
//!
//! Must not use the SDK: what a hostile guest does, the SDK would prevent.

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "functions that the host calls are exported by name")]
mod guest;
