//! WebAssembly plugins by wasmtime: manifests, grants, instances, watch and reload.
