//! The macros that make a crate a component. Off `wasm32` they only check that the trait is implemented, so a plugin
//! still builds and tests natively.

/// Exports a [`LogFilter`](crate::LogFilter).
#[macro_export]
macro_rules! export_log_filter {
    ($filter:ty) => {
        $crate::__export!($filter, LogFilter, log_filter);
    };
}

/// Exports [`CommandTemplates`](crate::CommandTemplates).
#[macro_export]
macro_rules! export_command_templates {
    ($templates:ty) => {
        $crate::__export!($templates, CommandTemplates, command_template);
    };
}

/// Exports a [`Discovery`](crate::Discovery).
#[macro_export]
macro_rules! export_discovery {
    ($discovery:ty) => {
        $crate::__export!($discovery, Discovery, discovery);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($ty:ty, $trait:ident, $world:ident) => {
        const _: () = {
            const fn implements<T: $crate::$trait>() {}
            implements::<$ty>();
        };

        #[cfg(target_arch = "wasm32")]
        #[expect(unsafe_code, reason = "functions that the host calls are exported by name")]
        const _: () = {
            type Component = $crate::bindings::$world::Exported<$ty>;
    $crate::bindings::$world::export!(Component with_types_in $crate::bindings::$world);
        };
    };
}
