//! A file of the system that is parsed again when it has changed.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

/// How much of a file is read.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A file with its content, parsed.
pub(super) struct Watched<T> {
    path: PathBuf,
    parse: Parse<T>,
    state: Option<Stamp>,
    value: Arc<T>,
}

type Parse<T> = Box<dyn Fn(&[u8]) -> T + Send>;

/// The properties that show a change of a file: its device and number, its size,
/// and the times of its content and of its other properties.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

impl<T> Watched<T> {
    /// A file that is not read yet. One that is missing counts as empty.
    pub(super) fn new(
        path: impl Into<PathBuf>,
        parse: impl Fn(&[u8]) -> T + Send + 'static,
    ) -> Self {
        let value = Arc::new(parse(b""));
        Self { path: path.into(), parse: Box::new(parse), state: None, value }
    }

    /// The content now. Costs a look at the file's times unless it has changed.
    pub(super) fn value(&mut self) -> Arc<T> {
        let state = fs::metadata(&self.path).ok().map(|found| stamp(&found));
        if state != self.state {
            let mut content = Vec::new();
            // As much as can be read counts; a file that is away is empty.
            let _ = File::open(&self.path)
                .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut content));
            self.value = Arc::new((self.parse)(&content));
            self.state = state;
        }
        Arc::clone(&self.value)
    }
}

fn stamp(found: &fs::Metadata) -> Stamp {
    let modified = (found.mtime(), found.mtime_nsec());
    let changed = (found.ctime(), found.ctime_nsec());
    (found.dev(), found.ino(), found.size(), modified, changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_parsed_when_it_comes_changes_and_goes() {
        let path = std::env::temp_dir().join(format!("watched-{}", std::process::id()));
        let mut file = Watched::new(&path, |content: &[u8]| content.to_vec());
        assert_eq!(*file.value(), b"");
        fs::write(&path, "a").unwrap();
        assert_eq!(*file.value(), b"a");
        fs::write(&path, "bc").unwrap();
        assert_eq!(*file.value(), b"bc");
        let same = file.value();
        assert!(Arc::ptr_eq(&same, &file.value()));
        fs::remove_file(&path).unwrap();
        assert_eq!(*file.value(), b"");
    }
}
