//! What may become part of the name of a host, by the grammars of the providers.
//!
//! A manifest may state any text as a base path, and servers may state any region. None of it is asked
//! for, or sent anything, unless it has the form of what it is said to be.

use reqwest::Url;

/// Longest name of a bucket; those of old are longer than today's 63 characters.
const LONGEST_BUCKET: usize = 255;

/// Longest label in the name of a host (RFC 1035).
const LONGEST_LABEL: usize = 63;

/// Whether the part of a URL before its path names a bucket, container or server of its scheme.
pub fn is_store(scheme: &str, host: &str) -> bool {
    match scheme {
        "s3" | "s3a" | "gs" => is_bucket(host),
        "http" | "https" => is_server(scheme, host),
        _ => match host.split_once('@') {
            Some((container, account)) => is_container(container) && is_host(account),
            None => is_container(host),
        },
    }
}

/// Names of buckets of S3 and Google, those of old and of compatible servers too.
fn is_bucket(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() <= LONGEST_BUCKET
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(inner)
        && !name.contains("..")
}

/// Names of containers of Azure, and of workspaces of Fabric.
fn is_container(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let rest = name.strip_prefix('$').unwrap_or(name);
    !rest.is_empty() && rest.len() <= LONGEST_LABEL && rest.chars().all(inner)
}

/// Names of hosts: labels of letters, digits and hyphens.
fn is_host(name: &str) -> bool {
    name.split('.').all(is_label)
}

/// One label of the name of a host, as names of accounts are.
pub fn is_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    !label.is_empty()
        && label.len() <= LONGEST_LABEL
        && label.chars().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Names of regions: `eu-west-1`, `us-gov-east-1`, `auto`.
pub fn is_region(name: &str) -> bool {
    is_label(name)
}

/// Whether a text is the URL of a server, as options state it.
pub fn is_endpoint(text: &str) -> bool {
    let known = text.starts_with("http://") || text.starts_with("https://");
    // What `Url` leaves out or makes slashes of, `Uri` refuses.
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '\\';
    known
        && text.chars().all(plain)
        && text.parse::<http::Uri>().is_ok()
        && text.parse::<Url>().is_ok_and(|url| url.has_host())
}

/// A host as a URL of a web server has it, with a user, a password and a port where they are given.
fn is_server(scheme: &str, host: &str) -> bool {
    // What stands before the last @ is for the server only, and is sent to no other.
    let name = host.rsplit('@').next().unwrap_or(host);
    let known = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !name.is_empty() && name.chars().all(known) && is_endpoint(&format!("{scheme}://{host}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_providers_are_taken() {
        for (scheme, host) in [
            ("s3", "bucket"),
            ("s3", "my.bucket-1"),
            ("s3a", "Old_Bucket"),
            ("s3", "logs--use1-az4--x-s3"),
            ("gs", "a.b_c-d"),
            ("az", "$root"),
            ("abfss", "files@account.dfs.core.windows.net"),
            ("abfss", "0c1f-aa@onelake.dfs.fabric.microsoft.com"),
            ("https", "host.example"),
            ("http", "localhost:9000"),
            ("http", "[::1]:9000"),
            ("https", "me:secret@host.example:8443"),
        ] {
            assert!(is_store(scheme, host), "{scheme}://{host}");
        }
    }

    #[test]
    fn a_name_that_leads_to_another_host_is_none() {
        for host in [
            "localhost:1234\\x",
            "localhost:1234",
            "a@b",
            "a#b",
            "a?b",
            "a b",
            "a\nb",
            "a..b",
            ".a",
            "a.",
            "",
            "ä",
            "a%2eb",
            "127.0.0.1:80",
        ] {
            for scheme in ["s3", "s3a", "gs"] {
                assert!(!is_store(scheme, host), "{scheme}://{host}");
            }
        }
        for host in [
            "a:b",
            "c@evil.example:80",
            "c@evil#.dfs.core.windows.net",
            "c@",
            "@a",
            "c@a\\b",
            "c@a@b",
        ] {
            assert!(!is_store("abfss", host), "{host}");
        }
        for host in ["h\\x", "h:port", "h h", "", "me@", "h#", "[::1", "h\n"] {
            assert!(!is_store("https", host), "{host}");
        }
    }

    #[test]
    fn regions_and_endpoints_have_a_form() {
        assert!(is_region("eu-west-1") && is_region("us-gov-east-1") && is_region("auto"));
        for region in [
            "",
            "us-east-1.evil.example",
            "evil.example/",
            "x@y",
            "a\\b",
            "a b",
            "-a",
        ] {
            assert!(!is_region(region), "{region}");
        }
        assert!(is_endpoint("http://127.0.0.1:9000") && is_endpoint("https://s3.example/x/"));
        for endpoint in [
            "",
            "127.0.0.1:9000",
            "http://",
            "http://[",
            "http:///x",
            "http://a b",
            "http://h:99999",
            "http://h\\x",
            "ftp://h",
            "http://ä ö/",
        ] {
            assert!(!is_endpoint(endpoint), "{endpoint}");
        }
    }
}
