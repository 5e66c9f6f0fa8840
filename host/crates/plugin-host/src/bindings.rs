//! Bindings to the plugin contract, made from `wit/`. One world that joins all extension points, so that every shared
//! type exists once; which exports a component really has is asked interface by interface.

wasmtime::component::bindgen!({
    path: [
        "../../../wit/types/0.1.0",
        "../../../wit/host/0.1.0",
        "../../../wit/command-template/0.1.0",
        "../../../wit/log-filter/0.1.0",
        "../../../wit/discovery/0.1.0",
    ],
    inline: "
        package corral:plugin-host;
        world every {
            include corral:command-template/command-template-plugin@0.1.0;
            include corral:log-filter/log-filter-plugin-with-handover@0.1.0;
            include corral:discovery/discovery-plugin@0.1.0;
            import corral:host/logs@0.1.0;
        }
    ",
    world: "corral:plugin-host/every",
    imports: { default: async },
    exports: { default: async },
});

use crate::error::GuestError;

impl From<corral::types::types::Error> for GuestError {
    fn from(error: corral::types::types::Error) -> Self {
        use corral::types::types::Error;
        match error {
            Error::InvalidInput(text) => Self::InvalidInput(short(text)),
            Error::NotFound(text) => Self::NotFound(short(text)),
            Error::Denied(text) => Self::Denied(short(text)),
            Error::Unavailable(text) => Self::Unavailable(short(text)),
            Error::Internal(text) => Self::Internal(short(text)),
        }
    }
}

/// Longest text of an error that is passed on, in bytes.
const ERROR_TEXT_MAX: usize = 2000;

fn short(mut text: String) -> String {
    if text.len() > ERROR_TEXT_MAX {
        text.truncate(text.floor_char_boundary(ERROR_TEXT_MAX));
        text.push('…');
    }
    text
}
