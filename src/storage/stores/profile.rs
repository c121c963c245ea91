//! The files in which AWS keeps keys of profiles: `~/.aws/credentials` and `~/.aws/config`.

use std::path::PathBuf;

use configparser::ini::Ini;

use crate::storage::read_text;

/// Longest such file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What the files say of the profile that is in use.
#[derive(Debug, Default)]
pub struct Profile {
    /// The access key and the secret.
    pub keys: Option<(String, String)>,
    /// The token of a session.
    pub token: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// A way to come by keys that lance-lint does not go: the name of its setting.
    pub other_way: Option<String>,
}

/// Settings by which a profile comes by keys in other ways.
const OTHER_WAYS: &[&str] = &[
    "credential_process",
    "sso_session",
    "sso_start_url",
    "role_arn",
    "source_profile",
];

/// Reads the profile that `AWS_PROFILE` names, or the default one. Files that are not there say
/// nothing.
pub fn read() -> Profile {
    let profile = std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".to_string());
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let config = file("AWS_CONFIG_FILE", "config");
    let in_config = match profile.as_str() {
        "default" => "default".to_string(),
        named => format!("profile {named}"),
    };
    let get = |key: &str| {
        let of = |ini: &Option<Ini>, section: &str| ini.as_ref()?.get(section, key);
        of(&credentials, &profile).or_else(|| of(&config, &in_config))
    };
    let keys = get("aws_access_key_id").zip(get("aws_secret_access_key"));
    Profile {
        token: get("aws_session_token"),
        region: get("region"),
        other_way: match keys {
            Some(_) => None,
            None => {
                let mut ways = OTHER_WAYS.iter().filter(|way| get(way).is_some());
                ways.next().map(ToString::to_string)
            }
        },
        keys,
    }
}

fn file(variable: &str, name: &str) -> Option<Ini> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => std::env::home_dir()?.join(".aws").join(name),
    };
    let mut ini = Ini::new_cs();
    ini.read(read_text(&path, MAX_BYTES).ok()?).ok()?;
    Some(ini)
}
