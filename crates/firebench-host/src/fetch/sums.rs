//! Lists of digests, as `sha256sum` writes them.

/// The digest that a list in the format of `sha256sum` gives for `name`: one line a file, 64 hexadecimal digits, two
/// separators (blanks, or a blank and `*`), and the name, with or without `./` before it.
pub(super) fn listed_sha256<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.lines().find_map(|line| {
        let (digest, rest) = line.split_once(' ')?;
        let listed = rest.trim_start_matches([' ', '*']).trim_end();
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_digest && listed.strip_prefix("./").unwrap_or(listed) == name).then_some(digest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_sha256sum_writes_them() {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let list = format!("{digest}  ./tool\n{}  other file\n{digest} *binary\nshort  bad\n", "0".repeat(64));
        assert_eq!(listed_sha256(&list, "tool"), Some(digest));
        assert_eq!(listed_sha256(&list, "other file"), Some("0".repeat(64).as_str()));
        assert_eq!(listed_sha256(&list, "binary"), Some(digest));
        for absent in ["bad", "too", "ool", ""] {
            assert_eq!(listed_sha256(&list, absent), None, "{absent}");
        }
    }
}
