//! Generates the Rust types of the contract from `proto/`, keeps its descriptors for the strict wire check, and the digest
//! of the sources of the state.
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

/// What lays out a state and evolves it.
const STATE: [&str; 4] = ["src/event", "src/ids.rs", "src/money.rs", "src/state"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sources = Sha256::new();
    for path in STATE {
        println!("cargo:rerun-if-changed={path}");
        read_sources(Path::new(path), &mut sources)?;
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("state_code"), sources.finalize())?;
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
    fs::write(out.join("descriptors.bin"), prost_build_bytes(&descriptors))?;
    prost_build::Config::new()
        .include_file("contract.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

/// Every file below a path, by name and bytes, in order of names.
fn read_sources(path: &Path, sources: &mut Sha256) -> io::Result<()> {
    if path.is_dir() {
        let mut inside = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        inside.sort();
        return inside
            .iter()
            .try_for_each(|path| read_sources(path, sources));
    }
    let bytes = fs::read(path)?;
    sources.update(path.to_string_lossy().as_bytes());
    sources.update((bytes.len() as u64).to_be_bytes());
    sources.update(bytes);
    Ok(())
}

fn prost_build_bytes(
    descriptors: &protox::prost_reflect::prost_types::FileDescriptorSet,
) -> Vec<u8> {
    use protox::prost_reflect::prost::Message;
    descriptors.encode_to_vec()
}
