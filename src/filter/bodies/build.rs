//! Mounts in the query of `/build`, which Podman takes there.
//!
//! Podman gives a build the directories of `volume`, lets it use those of
//! `additionalbuildcontexts` and, with `remote`, takes a directory of the host
//! for its context. It finds parameters without regard to case. The Engine knows
//! none of these but `remote`, where it takes URLs alone.
//!
//! The body of a build, and BuildKit's `/session` and `/grpc`, are not looked
//! at: their mounts come from the context that the client sends, from images
//! and from caches.

use super::directories::BindMounts;
use super::fields::{Node, Refusal, quoted};
use super::json::{Tree, folds_alike};
use super::mounts::check_bind;

/// How the address of a build context elsewhere begins.
const REMOTE: [&str; 6] = ["http://", "https://", "git://", "ssh://", "git@", "github.com/"];

/// Checks the query of a build.
pub(super) fn check_query(allowed: &BindMounts, query: &str) -> Result<(), Refusal> {
    // Older Go also separates parameters by semicolons.
    for pair in query.split(['&', ';']) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), decode(value));
        let is = |parameter: &str| folds_alike(&name, parameter);
        if value.is_empty() {
            continue;
        }
        if is("volume") {
            check_bind(allowed, "volume", &value)?;
        } else if is("additionalbuildcontexts") {
            check_context(allowed, &value)?;
        } else if is("remote") {
            check_remote(&value)?;
        } else if is("transientrunmounts") {
            return Err("transientRunMounts mounts what cannot be judged".to_owned());
        }
    }
    Ok(())
}

/// `client-session` is how BuildKit names the context that the client holds.
fn check_remote(value: &str) -> Result<(), Refusal> {
    match value == "client-session" || is_remote(value) {
        true => Ok(()),
        false => Err(format!("remote names no address elsewhere: {}", quoted(value))),
    }
}

fn is_remote(value: &str) -> bool {
    REMOTE.iter().any(|prefix| value.starts_with(prefix))
}

/// Podman up to 5.5 takes an object of contexts, later ones `name=kind:value`.
fn check_context(allowed: &BindMounts, value: &str) -> Result<(), Refusal> {
    const PLACE: &str = "additionalbuildcontexts";
    if let Ok(tree) = Tree::parse(value.as_bytes()) {
        let contexts = Node::root(&tree);
        return contexts.map()?.entries().try_for_each(|(_, context)| {
            check_context_object(allowed, &context).map_err(|refusal| format!("{PLACE}: {refusal}"))
        });
    }
    let context = value.split_once('=').map_or("", |(_, context)| context);
    match context.starts_with("image:") || context.strip_prefix("url:").is_some_and(is_remote) {
        true => Ok(()),
        false => Err(format!("{PLACE} names neither an image nor a URL: {}", quoted(value))),
    }
}

fn check_context_object(allowed: &BindMounts, context: &Node<'_>) -> Result<(), Refusal> {
    let fields = context.fields(&["IsURL", "IsImage", "Value", "DownloadedCache"])?;
    let is = |name| fields.get(name).map_or(Ok(false), |node| node.truth());
    let cache = fields.text("DownloadedCache")?;
    if !cache.is_empty() {
        allowed.check_path("DownloadedCache", cache)?;
    }
    let value = fields.text("Value")?;
    match is("IsImage")? || (is("IsURL")? && is_remote(value)) {
        true => Ok(()),
        false => allowed.check_path("Value", value),
    }
}

/// What Go's `url.ParseQuery` makes of a name or value. An escape that is none
/// stays as it is; Go drops the pair then.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default());
                rest = tail;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(query: &str) -> Result<(), Refusal> {
        check_query(&BindMounts::parse("/home").unwrap(), query)
    }

    #[test]
    fn queries_of_real_builds_pass() {
        for query in [
            "",
            "t=app:1&dockerfile=Dockerfile&networkmode=default&rm=1",
            "version=2&session=abc&remote=client-session&buildid=1",
            "remote=https%3A%2F%2Fgithub.com%2Fa%2Fb.git%23main%3Adocker",
            "remote=git@github.com:a/b.git",
            "volume=%2Fhome%2Fme%3A%2Fsrc%3Aro&t=x",
            "additionalbuildcontexts=%7B%22base%22%3A%7B%22IsImage%22%3Atrue%2C%22Value%22%3A%22alpine%22%7D%7D",
            "additionalbuildcontexts={\"s\":{\"IsURL\":true,\"Value\":\"https://x/y.tar\"}}",
            "additionalbuildcontexts={\"s\":{\"Value\":\"/home/me\"}}",
            "additionalbuildcontexts=base=image:alpine&additionalbuildcontexts=s=url:https://x/y.tar",
            "volume=",
        ] {
            assert_eq!(judge(query), Ok(()), "{query}");
        }
    }

    #[test]
    fn host_directories_in_the_query_are_refused() {
        for query in [
            "volume=/etc:/h",
            "t=x&volume=%2fetc:/h",
            "VOLUME=/etc:/h",
            "v%6flume=/etc:/h",
            "volume=/home:/a&volume=/etc:/b",
            "t=x;volume=/etc:/h",
            "volume=/home/x:/y:ro,/etc:/z",
            "volume=/home:/h:O,upperdir=/etc",
            "additionalbuildcontexts={\"a\":{\"Value\":\"/etc\"}}",
            "additionalbuildcontexts={\"a\":{\"IsURL\":true,\"Value\":\"/etc\"}}",
            "additionalbuildcontexts={\"a\":{\"IsImage\":true,\"DownloadedCache\":\"/etc\"}}",
            "additionalbuildcontexts={\"a\":{\"isimage\":true}}",
            "additionalbuildcontexts=a=localpath:/etc",
            "additionalbuildcontexts=a=url:/etc",
            "additionalbuildcontext\u{17f}={}x",
            "remote=/etc",
            "remote=etc",
            "Remote=file:///etc",
            "transientRunMounts=type=bind,src=/etc",
        ] {
            assert!(judge(query).is_err(), "{query}");
        }
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(decode("a%2Fb+c%2"), "a/b c%2");
        assert_eq!(decode("%252f%zz%"), "%2f%zz%");
        assert_eq!(decode("%ff"), "\u{fffd}");
    }
}
