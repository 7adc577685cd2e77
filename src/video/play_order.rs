//! Playback order of the files in a folder, as playlists list them: what a player requests next (docs/video.md, Warming).

use std::collections::{HashMap, HashSet};

use crate::video::playlist::{MAX_REFERENCES, Reference};

/// Maximum number of folders of one playlist whose order is kept: each costs a read and a write of the cache. Players' files are usually in one folder, with
/// the initialization section in another.
pub const MAX_FOLDERS: usize = 4;

/// Maximum size of an order's paths, bytes: 128 per path.
const MAX_ORDER_BYTES: usize = 128 * MAX_REFERENCES;

/// The files of a playlist by folder, in playback order: the first [`MAX_FOLDERS`] folders. Files that are played by byte ranges have no order.
pub fn by_folder(files: &[Reference]) -> Vec<(&str, Vec<String>)> {
    let mut folders: Vec<(&str, Vec<String>)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for file in files.iter().filter(|file| file.range.is_none()) {
        let folder = file.path.folder();
        if !known.contains_key(folder) && folders.len() < MAX_FOLDERS {
            known.insert(folder, folders.len());
            folders.push((folder, Vec::new()));
        }
        if let Some((_, order)) = known.get(folder).and_then(|index| folders.get_mut(*index)) {
            order.push(file.path.as_str().to_owned());
        }
    }
    folders
}

/// The order after a playlist that lists `listed`, followed by the files known before: other playlists may have files in the same folder. At most
/// [`MAX_REFERENCES`] files and [`MAX_ORDER_BYTES`].
pub fn merge(mut listed: Vec<String>, before: &[String]) -> Vec<String> {
    let named: HashSet<&str> = listed.iter().map(String::as_str).collect();
    let others: Vec<String> = before.iter().filter(|file| !named.contains(file.as_str())).take(MAX_REFERENCES).cloned().collect();
    listed.extend(others);
    listed.truncate(MAX_REFERENCES);
    let mut bytes = 0;
    let fitting = listed.iter().take_while(|file| {
        bytes += file.len();
        bytes <= MAX_ORDER_BYTES
    });
    let fitting = fitting.count();
    listed.truncate(fitting);
    listed
}

/// The two files after `path` in `files`, which are in playback order.
pub fn next_two<'a>(files: &'a [String], path: &str) -> impl Iterator<Item = &'a String> {
    let at = files.iter().rposition(|file| file == path).map_or(files.len(), |at| at + 1);
    files.iter().skip(at).take(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::thread_cpu_ms;
    use crate::video::path::VideoPath;
    use crate::video::playlist;
    use crate::video::playlist::Playlist;

    fn reference(path: &str) -> Reference {
        Reference { path: VideoPath::parse(path).unwrap(), range: None }
    }

    /// 22,000 lines, each in a folder of its own: `aaa/s`, `aab/s`, …
    fn hostile() -> String {
        let letter = |n: u32| char::from(b'a' + u8::try_from(n % 26).unwrap());
        let lines = (0..22_000u32).map(|n| format!("{}{}{}{}/s\n", letter(n / 17_576), letter(n / 676), letter(n / 26), letter(n)));
        format!("#EXTM3U\n{}", lines.collect::<String>())
    }

    #[test]
    fn playlist_of_22000_folders_gives_the_order_of_4() {
        let before = thread_cpu_ms();
        let Some(Playlist::Media { files, .. }) = playlist::read(&VideoPath::parse("index.m3u8").unwrap(), &hostile()) else { panic!() };
        let orders = by_folder(&files);
        let spent = thread_cpu_ms() - before;
        assert_eq!(
            orders.iter().map(|(folder, files)| (*folder, files.len())).collect::<Vec<_>>(),
            [("aaaa", 1), ("aaab", 1), ("aaac", 1), ("aaad", 1)]
        );
        assert!(spent <= 50, "{spent} ms of CPU, without optimisation");
    }

    #[test]
    fn files_are_ordered_by_folder_and_byte_ranges_are_left_out() {
        let mut files = ["a/1", "b/1", "a/2", "top"].map(reference).to_vec();
        files.push(Reference { range: Some((0, 5)), ..reference("a/3") });
        let orders = by_folder(&files);
        let shown: Vec<_> = orders.iter().map(|(folder, files)| format!("{folder}:{}", files.join(","))).collect();
        assert_eq!(shown, ["a:a/1,a/2", "b:b/1", ":top"]);
    }

    #[test]
    fn order_keeps_earlier_files_within_its_bounds() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(merge(names(&["b", "c"]), &names(&["a", "b"])), names(&["b", "c", "a"]));
        let many: Vec<String> = (0..MAX_REFERENCES).map(|n| n.to_string()).collect();
        assert_eq!(merge(names(&["new"]), &many).len(), MAX_REFERENCES);
        let long: Vec<String> = (0..MAX_REFERENCES).map(|n| format!("{n:0>512}")).collect();
        let kept = merge(long.clone(), &long);
        assert_eq!(kept.len(), MAX_ORDER_BYTES / 512);
    }

    #[test]
    fn path_gives_the_next_two_files() {
        let files: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let next = |path| next_two(&files, path).cloned().collect::<Vec<_>>().join("");
        assert_eq!([next("a"), next("b"), next("c"), next("x")], ["bc", "c", "", ""]);
    }
}
