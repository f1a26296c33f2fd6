//! Names of files in a root, which somebody else chose.

use super::wrong::{Wrong, shown, wrong};

/// Longest name of a file, in bytes, as in ext4.
pub(super) const NAME_MAX: usize = 255;
/// Longest path in a root, and longest target of a link: debugfs reads its commands into a buffer of 8 KiB.
pub(super) const PATH_MAX: usize = 2048;
/// Most directories below each other.
pub(super) const DEPTH_MAX: usize = 128;

/// One part of a path: not empty, neither `.` nor `..`, without `/` and control characters.
pub(super) type Name = Vec<u8>;

/// The parts of a path, from the root on. A path without `/` at its beginning means the same as one with it.
///
/// # Errors
/// For a path that leads out of the root (`..`), is too long, or has control characters.
pub(super) fn parts(path: &[u8]) -> Result<Vec<Name>, Wrong> {
    if path.len() > PATH_MAX {
        return wrong(format!("the name {} is longer than {PATH_MAX} bytes", shown(path)));
    }
    let mut parts = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return wrong(format!("the name {} leads out of it with `..`", shown(path))),
            part if part.iter().any(u8::is_ascii_control) => {
                return wrong(format!("the name {} has control characters", shown(path)));
            }
            part if part.len() > NAME_MAX => {
                return wrong(format!("a part of the name {} is longer than {NAME_MAX} bytes", shown(path)));
            }
            part => parts.push(part.to_vec()),
        }
    }
    if parts.len() > DEPTH_MAX {
        return wrong(format!("{} lies more than {DEPTH_MAX} directories deep", shown(path)));
    }
    Ok(parts)
}

/// The target of a symbolic link, as it is kept: nothing follows it but what runs in the root.
pub(super) fn target(target: &[u8]) -> Result<Vec<u8>, Wrong> {
    if target.is_empty() || target.len() > PATH_MAX || target.iter().any(u8::is_ascii_control) {
        return wrong(format!("no link can point to {:?}", shown(target)));
    }
    Ok(target.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        let parts = |path: &str| parts(path.as_bytes()).map_err(|wrong| wrong.to_string());
        let names = |names: &[&str]| Ok(names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>());
        for same in ["a/b", "./a/b", "/a/b", "//a/./b/", "././a//b"] {
            assert_eq!(parts(same), names(&["a", "b"]), "{same}");
        }
        assert_eq!(parts("./"), names(&[]));
        for bad in ["..", "../a", "/../a", "a/..", "a/../../b", "a\nb", "a\0b"] {
            assert!(parts(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parts("..a/b.."), names(&["..a", "b.."]));
        assert!(
            parts(&"x".repeat(256)).is_err() && parts(&"x/".repeat(129)).is_err() && parts(&"x/".repeat(1025)).is_err()
        );
        assert!(target(b"../../anywhere").is_ok() && target(b"").is_err() && target(b"a\nb").is_err());
    }
}
