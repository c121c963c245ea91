//! The floor the benchmarks are compared with: one thread that opens every data
//! file of a dataset, asks for its size and reads its last 64 KiB.
//!
//! Needs nothing but the standard library: `rustc -O tail_loop.rs`, then
//! `tail_loop DATASET`. Prints the number of files and the number of bytes read.

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

const TAIL: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let dataset = env::args_os().nth(1).ok_or("usage: tail_loop DATASET")?;
    let mut buffer = vec![0_u8; TAIL];
    let mut files = 0_u64;
    let mut bytes = 0_u64;
    for entry in fs::read_dir(Path::new(&dataset).join("data"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "lance")
        {
            continue;
        }
        let file = File::open(&path)?;
        let size = file.metadata()?.len();
        let wanted = usize::try_from(size).map_or(TAIL, |size| size.min(TAIL));
        let (tail, _) = buffer.split_at_mut(wanted);
        file.read_exact_at(tail, size - wanted as u64)?;
        files += 1;
        bytes += wanted as u64;
    }
    println!("{files} files, {bytes} bytes");
    Ok(())
}
