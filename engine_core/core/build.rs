//! Generates the Rust types of the contract from `proto/` and keeps its descriptors for the strict wire check.
use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for area in fs::read_dir(root.join("whampoa"))? {
        let version = area?.path().join("v1");
        for file in fs::read_dir(version)? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "proto") {
                files.push(path);
            }
        }
    }
    files.sort();
    let descriptors = protox::compile(&files, [&root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), prost_build_bytes(&descriptors))?;
    prost_build::Config::new()
        .include_file("contract.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

fn prost_build_bytes(
    descriptors: &protox::prost_reflect::prost_types::FileDescriptorSet,
) -> Vec<u8> {
    use protox::prost_reflect::prost::Message;
    descriptors.encode_to_vec()
}
