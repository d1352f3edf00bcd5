//! Declares every command to the permission system, so that only the windows that a capability names may call them.

fn main() {
    let names: Vec<&'static str> =
        okcvm_protocol::COMMANDS.iter().chain(okcvm_protocol::WINDOW_COMMANDS).map(|row| row.name).collect();
    let manifest = tauri_build::AppManifest::new().commands(names.leak());
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        // A build script speaks to cargo by its exit.
        panic!("the permissions of the window could not be made: {error:#}");
    }
}
