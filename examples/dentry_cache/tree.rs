//! Lists the paths of a directory tree.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use crate::problems::Problems;

/// Lists the paths below `root`, relative to it. Symbolic links are listed and not followed. What
/// cannot be read is reported and skipped.
///
/// # Errors
///
/// If `root` itself cannot be read.
pub(crate) fn list(
    root: &Path,
    problems: &Problems,
    progress: &ProgressBar,
) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut directories = Vec::new();
    list_directory(root, Path::new(""), problems, &mut paths, &mut directories)?;
    while let Some(directory) = directories.pop() {
        let read = list_directory(root, &directory, problems, &mut paths, &mut directories);
        if let Err(error) = read {
            problems.report(&root.join(&directory), &error);
        }
        progress.set_position(paths.len() as u64);
    }
    Ok(paths)
}

/// Lists one directory: all that is in it, and once more the directories.
fn list_directory(
    root: &Path,
    directory: &Path,
    problems: &Problems,
    paths: &mut Vec<PathBuf>,
    directories: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for entry in fs::read_dir(root.join(directory))? {
        let entry = entry?;
        let path = directory.join(entry.file_name());
        match entry.file_type() {
            Ok(file_type) if file_type.is_dir() => directories.push(path.clone()),
            Ok(_) => {}
            Err(error) => problems.report(&entry.path(), &error),
        }
        paths.push(path);
    }
    Ok(())
}
