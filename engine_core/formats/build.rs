//! Generates the message types of the customs documents from the shared interface definitions.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manifest = std::env::var("CARGO_MANIFEST_DIR")?;
    let near = PathBuf::from(manifest).join("../../proto");
    // Inside the repository the definitions lie two directories up; a copy of the crate alone uses the checkout.
    let root = if near.is_dir() { near } else { PathBuf::from("/work/main/proto") };
    let files = ["whampoa/customs/v1/document.proto", "whampoa/customs/v1/finding.proto"];
    for file in files {
        println!("cargo:rerun-if-changed={}", root.join(file).display());
    }
    let descriptors = protox::compile(files, [&root])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
