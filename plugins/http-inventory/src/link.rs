//! URLs of further pages. A page can name the next, but it cannot send the token anywhere else: whatever it names, the next
//! page is at the host, the port and the scheme of the first.

/// A URL in its parts: scheme and host with `://`, path, query with `?`.
struct Parts<'a> {
    origin: &'a str,
    path: &'a str,
    query: &'a str,
}

fn parts(url: &str) -> Option<Parts<'_>> {
    let url = url.split('#').next().unwrap_or_default();
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)))?;
    let end = url[scheme.len()..].find(['/', '?', '\\']).map_or(url.len(), |at| scheme.len() + at);
    let (origin, rest) = url.split_at(end);
    let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    (origin.len() > scheme.len() && !origin.contains('@')).then_some(Parts { origin, path, query })
}

/// The name of the host in an origin, in small letters, without a port.
fn host(origin: &str) -> String {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let end = host.rfind(':').filter(|at| !host[*at..].contains(']')).unwrap_or(host.len());
    host[..end].trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a text is a URL that can be asked.
pub fn is_url(url: &str) -> bool {
    parts(url).is_some() && !url.contains(|c: char| c.is_control() || c == ' ')
}

/// A URL as it may be shown: what stands after `?` can be a secret.
pub fn shown(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// Where a reference on the page at `base` leads.
pub fn next(base: &str, reference: &str) -> Result<String, String> {
    let reference = reference.trim().split('#').next().unwrap_or_default();
    let wrong = || format!("the next page is said to be at `{reference}`, which is no URL");
    let here = parts(base).ok_or_else(wrong)?;
    if reference.is_empty() || reference.contains(|c: char| c.is_control() || c == ' ' || c == '\\') {
        return Err(wrong());
    }
    let absolute = match reference.strip_prefix("//") {
        Some(rest) => Some(format!("https://{rest}")),
        None => reference.contains("://").then(|| reference.to_owned()).filter(|url| !url.starts_with(['/', '?'])),
    };
    if let Some(url) = absolute {
        let there = parts(&url).ok_or_else(wrong)?;
        if host(there.origin) != host(here.origin) {
            let (there, here) = (host(there.origin), host(here.origin));
            return Err(format!(
                "the next page is said to be at `{there}`; only pages of `{here}` are asked, which is sent the token"
            ));
        }
        return Ok(format!("{}{}{}", here.origin, there.path, there.query));
    }
    let path = if reference.starts_with('/') {
        String::new()
    } else if reference.starts_with('?') {
        here.path.to_owned()
    } else {
        let folder = here.path.rfind('/').map_or("", |at| &here.path[..at]);
        format!("{folder}/")
    };
    Ok(format!("{}{path}{reference}", here.origin))
}

/// A URL with a parameter set.
pub fn with_parameter(url: &str, key: &str, value: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let key = encoded(key);
    let others = query.split('&').filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(key.as_str()));
    let all: Vec<_> = others.map(str::to_owned).chain([format!("{key}={}", encoded(value))]).collect();
    format!("{before}?{}", all.join("&"))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The reference with `rel="next"` in headers `Link` (RFC 8288).
pub fn of_headers<'a>(headers: impl Iterator<Item = &'a str>) -> Option<String> {
    headers
        .flat_map(links)
        .find(|(_, parameters)| parameters.iter().any(|text| is_next(text)))
        .map(|(url, _)| url.to_owned())
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("rel")
        && value.trim().trim_matches('"').split_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
}

/// The links of one header, each with its parameters.
fn links(header: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    let mut rest = header;
    while let Some((url, after)) = rest.split_once('<').and_then(|(_, inside)| inside.split_once('>')) {
        let (mut parameters, mut from, mut quoted, mut end) = (Vec::new(), 0, false, after.len());
        for (at, c) in after.char_indices() {
            match c {
                '"' => quoted = !quoted,
                ';' if !quoted => {
                    parameters.push(&after[from..at]);
                    from = at + 1;
                }
                ',' if !quoted => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        parameters.push(&after[from..end]);
        found.push((url, parameters));
        rest = &after[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_at_the_host_of_the_first() {
        let base = "https://h.example:8443/api/v1/vms?limit=2#top";
        for (reference, wanted) in [
            ("https://h.example:8443/api/v1/vms?page=2", "https://h.example:8443/api/v1/vms?page=2"),
            // Behind a proxy they often do not know how they are called from outside.
            ("http://H.Example/api/v1/vms?page=2", "https://h.example:8443/api/v1/vms?page=2"),
            ("//h.example/x", "https://h.example:8443/x"),
            ("/other?cursor=a://b", "https://h.example:8443/other?cursor=a://b"),
            ("?page=2", "https://h.example:8443/api/v1/vms?page=2"),
            ("vms?page=2", "https://h.example:8443/api/v1/vms?page=2"),
            ("../x", "https://h.example:8443/api/v1/../x"),
            ("https://h.example?page=2#x", "https://h.example:8443?page=2"),
        ] {
            assert_eq!(next(base, reference).as_deref(), Ok(wanted), "{reference}");
        }
        assert_eq!(next("https://h.example", "x").as_deref(), Ok("https://h.example/x"));
        for (reference, why) in [
            ("https://evil.example/", "only pages of `h.example`"),
            ("//evil.example/", "only pages of `h.example`"),
            ("https://h.example.evil.example/", "only pages of `h.example`"),
            ("https://h.example@evil.example/", "no URL"),
            ("https://evil.example\\@h.example/", "no URL"),
            ("ftp://h.example/", "no URL"),
            ("/a b", "no URL"),
            ("", "no URL"),
        ] {
            let problem = next(base, reference).unwrap_err();
            assert!(problem.contains(why), "{reference}: {problem}");
        }
        assert!(
            next("http://[::1]:80/a", "http://[::1]/b").is_ok() && next("http://[::1]:80/a", "http://[::2]/b").is_err()
        );
    }

    #[test]
    fn a_parameter_is_set_once_and_escaped() {
        for (url, wanted) in [
            ("http://h/x", "http://h/x?page=2%263"),
            ("http://h/x?a=1&page=1&b=2#f", "http://h/x?a=1&b=2&page=2%263"),
            ("http://h/x?", "http://h/x?page=2%263"),
            ("http://h/x?mypage=1", "http://h/x?mypage=1&page=2%263"),
        ] {
            assert_eq!(with_parameter(url, "page", "2&3"), wanted);
        }
    }

    #[test]
    fn the_header_link_is_read_with_all_its_commas() {
        for (header, wanted) in [
            ("<https://h/x?page=2>; rel=\"next\", <https://h/x?page=9>; rel=\"last\"", Some("https://h/x?page=2")),
            ("<https://h/1>; rel=\"prev\", </x?a=1,2;3>; title=\"a, b; rel=next\"; rel=next", Some("/x?a=1,2;3")),
            ("<https://h/1>; REL=\"last Next\"", Some("https://h/1")),
            ("<https://h/1>; title=\"rel=next\"", None),
            ("<https://h/1>; rel=\"prev\"", None),
            ("<https://h/1", None),
            ("", None),
        ] {
            assert_eq!(of_headers([header].into_iter()).as_deref(), wanted, "{header}");
        }
        assert_eq!(of_headers(["<a>; rel=prev", "<b>; rel=next"].into_iter()).as_deref(), Some("b"));
    }

    #[test]
    fn what_can_be_asked_is_told_from_what_cannot() {
        for url in ["http://h", "HTTPS://h.example:1/x?y"] {
            assert!(is_url(url), "{url}");
        }
        for url in ["", "h.example/x", "ftp://h", "http://", "http:///x", "http://me@h/", "http://h/a b"] {
            assert!(!is_url(url), "{url}");
        }
    }
}
