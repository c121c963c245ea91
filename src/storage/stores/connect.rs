//! Clients of stores, made from the options and environment variables that Lance takes
//! (lance-io `object_store/providers/`).

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{
    ClientConfigKey, ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig,
    StaticCredentialProvider,
};

use super::client::{Connector, region_of_bucket};
use super::fault::{Fault, Source};
use super::{names, profile};

/// Times that a request is tried again, unless an option says otherwise.
const MAX_RETRIES: usize = 10;

/// Seconds after which no request is tried again, unless an option says otherwise.
const RETRY_TIMEOUT: u64 = 60;

/// Longest that credentials of the machine are asked for.
const HASTE: Duration = Duration::from_secs(3);

/// Options that Lance takes and that mean nothing to a reader of metadata.
const WITHOUT_EFFECT: &[&str] = &[
    "download_retry_count",
    "block_size",
    "use_opendal",
    "aws_provider_scheme",
    "expires_at_millis",
    "new_table_data_storage_version",
    "new_table_enable_v2_manifest_paths",
];

/// How the keys of options end whose values are addresses of servers.
const ADDRESSES: &[&str] = &["endpoint", "_url", "authority_host"];

/// Words in the keys of options whose values must not be shown.
const SECRET: &[&str] = &[
    "secret",
    "key",
    "token",
    "sas",
    "password",
    "credential",
    "account_key",
    "header",
    "sig",
];

/// A store that can be read.
#[derive(Debug)]
pub struct Store {
    /// The client.
    pub inner: Arc<dyn ObjectStore>,
    /// Whether the last bytes of an object can be asked for without its size.
    pub takes_suffixes: bool,
    /// Most names in an answer to a listing.
    pub keys_in_a_page: usize,
    /// Time after which nothing is asked for again.
    pub patience: Duration,
    /// Whether it may be a plain server, which lists nothing.
    is_http: bool,
    bucket: String,
    region_option: Option<&'static str>,
    credentials: &'static str,
    secrets: Vec<String>,
}

impl Store {
    /// A store that the caller has a client for.
    pub fn of_client(name: &str, inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            inner,
            // Not all do; asking for the size first always works.
            takes_suffixes: false,
            keys_in_a_page: usize::MAX,
            patience: Duration::from_secs(60),
            is_http: false,
            bucket: format!("store `{name}`"),
            region_option: None,
            credentials: "the client was given by the caller",
            secrets: Vec::new(),
        }
    }

    /// Puts an error of the client in words.
    pub fn fault(&self, error: &object_store::Error) -> Fault {
        let source = Source {
            bucket: &self.bucket,
            region_option: self.region_option,
            credentials: self.credentials,
            secrets: &self.secrets,
        };
        source.fault(error)
    }

    /// The same for an error of a listing.
    pub fn fault_of_listing(&self, error: &object_store::Error) -> Fault {
        if !self.is_http {
            return match self.fault(error) {
                // A prefix without objects is no error, so it is the bucket that is not there.
                Fault::NotFound => Fault::Failed(format!("there is no {} here", self.bucket)),
                fault => fault,
            };
        }
        let text = error.to_string();
        let refuses = ["405", "501", "400", "403", "404"]
            .iter()
            .any(|status| text.contains(&format!("status code: {status}")));
        match refuses || text.contains("PROPFIND") {
            true => Fault::NoListing,
            false => self.fault(error),
        }
    }
}

/// Options of a store by its keys. The keys are the user's, and their order is the same in every run:
/// of two that are wrong, the same one is named.
type Known<K> = HashMap<K, String, BuildHasherDefault<DefaultHasher>>;

/// Options by key, those of the environment where none was given.
struct ResolvedOptions {
    options: BTreeMap<String, String>,
    secrets: Vec<String>,
}

impl ResolvedOptions {
    fn new(given: &[(String, String)]) -> Self {
        let mut options: BTreeMap<String, String> = given
            .iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), value.clone()))
            .collect();
        let anywhere = [
            ("AZURE_STORAGE_ALLOW_HTTP", "allow_http"),
            ("AZURE_STORAGE_USE_HTTP", "allow_http"),
            ("AWS_ALLOW_HTTP", "allow_http"),
            ("OBJECT_STORE_CLIENT_MAX_RETRIES", "client_max_retries"),
            ("OBJECT_STORE_CLIENT_RETRY_TIMEOUT", "client_retry_timeout"),
        ];
        for (variable, key) in anywhere {
            if let Ok(value) = std::env::var(variable) {
                options.entry(key.to_string()).or_insert(value);
            }
        }
        Self {
            options,
            secrets: Vec::new(),
        }
    }

    /// The options that a store knows, those of the environment too.
    ///
    /// # Errors
    /// A clause that names an option which should be an address and is none. The client would panic.
    fn known<K: FromStr + AsRef<str> + Eq + Hash>(&mut self) -> Result<Known<K>, String> {
        let mut known = Known::default();
        for (key, value) in &self.options {
            if let Ok(key) = K::from_str(key) {
                known.insert(key, value.clone());
            }
        }
        for (variable, value) in std::env::vars_os() {
            let (Some(variable), Some(value)) = (variable.to_str(), value.to_str()) else {
                continue;
            };
            let variable = variable.to_ascii_lowercase();
            if let Ok(key) = K::from_str(&variable) {
                let value = known.entry(key).or_insert_with(|| value.to_string());
                if is_secret(&variable) {
                    self.secrets.push(value.clone());
                }
            }
        }
        let is_address = |key: &str| ADDRESSES.iter().any(|end| key.ends_with(end));
        for (key, value) in &known {
            let key = key.as_ref();
            if is_address(key) && !names::is_endpoint(value) {
                return Err(format!(
                    "storage option {key}: not a URL of a server, such as https://host:9000"
                ));
            }
            if key.ends_with("region") && !names::is_region(value) {
                return Err(format!(
                    "storage option {key}: not a region, such as eu-west-1"
                ));
            }
            if key.ends_with("account_name") && !names::is_label(value) {
                return Err(format!("storage option {key}: not the name of an account"));
            }
        }
        Ok(known)
    }

    fn number<N: FromStr>(&self, key: &str) -> Option<N> {
        self.options.get(key)?.parse().ok()
    }

    fn is_on(&self, key: &str) -> bool {
        let value = self
            .options
            .get(key)
            .map(|value| value.to_ascii_lowercase());
        value.is_some_and(|value| matches!(value.as_str(), "1" | "true" | "on" | "yes" | "y"))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.number("client_retry_timeout").unwrap_or(RETRY_TIMEOUT))
    }

    fn retries(&self) -> RetryConfig {
        RetryConfig {
            max_retries: self.number("client_max_retries").unwrap_or(MAX_RETRIES),
            retry_timeout: self.patience(),
            ..RetryConfig::default()
        }
    }

    fn client(&self) -> Result<ClientOptions, String> {
        let bad = |key: &str| format!("storage option {key}: not a header");
        let mut headers = HeaderMap::new();
        for (key, value) in &self.options {
            let Some(name) = key.strip_prefix("headers.") else {
                continue;
            };
            let name: HeaderName = name.parse().map_err(|_| bad(key))?;
            let value = HeaderValue::from_str(value).map_err(|_| bad(key))?;
            headers.insert(name, value);
        }
        let agent = HeaderValue::from_static(concat!("lance-lint/", env!("CARGO_PKG_VERSION")));
        Ok(ClientOptions::new()
            .with_user_agent(agent)
            .with_default_headers(headers))
    }

    /// All values that must not be shown.
    fn all_secrets(&self) -> Vec<String> {
        let given = self.options.iter().filter(|(key, _)| is_secret(key));
        let given = given.map(|(_, value)| value.clone());
        let mut secrets: Vec<String> = self.secrets.iter().cloned().chain(given).collect();
        // What is too short to be a secret would blot out words.
        secrets.retain(|secret| secret.len() >= 4);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }
}

fn is_secret(key: &str) -> bool {
    SECRET.iter().any(|word| key.contains(word))
}

/// Whether a key is one that some store, or Lance itself, takes.
pub fn is_known_option(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    AmazonS3ConfigKey::from_str(&key).is_ok()
        || AzureConfigKey::from_str(&key).is_ok()
        || GoogleConfigKey::from_str(&key).is_ok()
        || ClientConfigKey::from_str(&key).is_ok()
        || key.starts_with("headers.")
        || matches!(
            key.as_str(),
            "client_max_retries" | "client_retry_timeout" | "s3_express" | "google_storage_token"
        )
        || WITHOUT_EFFECT.contains(&key.as_str())
}

/// Makes the client of a store, which `name` says with its scheme: `s3://bucket`.
///
/// # Errors
/// A clause for the user.
pub async fn connect(name: &str, options: &[(String, String)]) -> Result<Store, String> {
    // The first to say so stands; that it is said already is no fault.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (scheme, host) = name.split_once("://").unwrap_or((name, ""));
    let mut given = ResolvedOptions::new(options);
    match scheme {
        "s3" | "s3a" => s3(host, given).await,
        "gs" => google(host, given),
        "http" | "https" => {
            let mut client = given.client()?.with_allow_http(scheme == "http");
            for (key, value) in given.known::<ClientConfigKey>()? {
                client = client.with_config(key, value);
            }
            let built = HttpBuilder::new()
                .with_http_connector(Connector)
                .with_url(name)
                .with_retry(given.retries())
                .with_client_options(client)
                .build();
            let mut secrets = given.all_secrets();
            if let Some((user, _)) = host.split_once('@') {
                let parts = user.split(':').filter(|part| part.len() >= 4);
                secrets.extend(parts.map(str::to_string));
            }
            let host = host.rsplit('@').next().unwrap_or(host);
            let store = |inner| Store {
                inner,
                takes_suffixes: true,
                keys_in_a_page: usize::MAX,
                patience: given.patience(),
                is_http: true,
                bucket: format!("server `{host}`"),
                region_option: None,
                credentials: "give them in the URL or by --storage-option headers.authorization=…",
                secrets,
            };
            finish(built.map(|built| Arc::new(built) as _), store)
        }
        _ => azure(name, host, given),
    }
}

fn finish(
    built: object_store::Result<Arc<dyn ObjectStore>>,
    store: impl FnOnce(Arc<dyn ObjectStore>) -> Store,
) -> Result<Store, String> {
    match built {
        Ok(inner) => Ok(store(inner)),
        Err(error) => {
            let nowhere: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
            let text = match store(nowhere).fault(&error) {
                Fault::Failed(why) | Fault::Broken(why) | Fault::Busy(why) => why,
                _ => "it cannot be reached".to_string(),
            };
            Err(text)
        }
    }
}

async fn s3(bucket: &str, mut given: ResolvedOptions) -> Result<Store, String> {
    let mut known = given.known::<AmazonS3ConfigKey>()?;
    let needs_keys = !known.contains_key(&AmazonS3ConfigKey::AccessKeyId)
        && !known.contains_key(&AmazonS3ConfigKey::SkipSignature);
    let needs_region = !known.contains_key(&AmazonS3ConfigKey::Region);
    let mut other_way = None;
    if needs_keys || needs_region {
        let profile = profile::read();
        if needs_keys {
            if let Some((id, secret)) = profile.keys {
                given.secrets.extend([id.clone(), secret.clone()]);
                given.secrets.extend(profile.token.clone());
                known.insert(AmazonS3ConfigKey::AccessKeyId, id);
                known.insert(AmazonS3ConfigKey::SecretAccessKey, secret);
                if let Some(token) = profile.token {
                    known.insert(AmazonS3ConfigKey::Token, token);
                }
            }
            let by_role = known.contains_key(&AmazonS3ConfigKey::WebIdentityTokenFile);
            other_way = profile.other_way.filter(|_| !by_role);
        }
        if needs_region {
            let default = known.get(&AmazonS3ConfigKey::DefaultRegion).cloned();
            if let Some(region) = default.or(profile.region) {
                known.insert(AmazonS3ConfigKey::Region, region);
            }
        }
    }
    if let Some(way) = other_way {
        return Err(format!(
            "the AWS profile in use comes by its keys through {way}, which lance-lint does not \
             read; put them in the environment: \
             eval \"$(aws configure export-credentials --format env)\""
        ));
    }
    let has_endpoint = known.contains_key(&AmazonS3ConfigKey::Endpoint)
        || known.contains_key(&AmazonS3ConfigKey::S3Endpoint);
    if !known.contains_key(&AmazonS3ConfigKey::Region) && !has_endpoint {
        let mut client = given.client()?;
        for (key, value) in &known {
            if let AmazonS3ConfigKey::Client(key) = key {
                client = client.with_config(*key, value.clone());
            }
        }
        let region = region_of_bucket(bucket, &client).await?;
        known.insert(AmazonS3ConfigKey::Region, region);
    }
    if given.is_on("s3_express") || bucket.ends_with("--x-s3") {
        known.insert(AmazonS3ConfigKey::S3Express, "true".to_string());
    }
    let by_machine = !known.contains_key(&AmazonS3ConfigKey::AccessKeyId);
    let mut builder = AmazonS3Builder::new()
        .with_http_connector(Connector)
        .with_client_options(given.client()?)
        .with_retry(given.retries())
        .with_url(format!("s3://{bucket}"));
    for (key, value) in known {
        builder = builder.with_config(key, value);
    }
    if by_machine && !given.is_on("aws_skip_signature") && !given.is_on("skip_signature") {
        // Credentials of the machine come from an address that answers at once or not at all.
        let hasty = RetryConfig {
            max_retries: 1,
            retry_timeout: HASTE,
            ..RetryConfig::default()
        };
        if let Ok(store) = builder.clone().with_retry(hasty).build() {
            builder = builder.with_credentials(store.credentials().clone());
        }
    }
    let built = builder.build();
    finish(built.map(|built| Arc::new(built) as _), |inner| Store {
        inner,
        takes_suffixes: true,
        keys_in_a_page: 1000,
        patience: given.patience(),
        is_http: false,
        bucket: format!("bucket `{bucket}`"),
        region_option: Some("aws_region"),
        credentials: "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for those of a session, \
                      AWS_SESSION_TOKEN; a public bucket needs --storage-option \
                      aws_skip_signature=true",
        secrets: given.all_secrets(),
    })
}

fn google(bucket: &str, mut given: ResolvedOptions) -> Result<Store, String> {
    let known = given.known::<GoogleConfigKey>()?;
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_http_connector(Connector)
        .with_client_options(given.client()?)
        .with_retry(given.retries());
    for (key, value) in known {
        builder = builder.with_config(key, value);
    }
    let token = given.options.get("google_storage_token").cloned();
    if let Some(bearer) = token.or_else(|| std::env::var("GOOGLE_STORAGE_TOKEN").ok()) {
        given.secrets.push(bearer.clone());
        let credential = GcpCredential { bearer };
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)));
    }
    let built = builder.with_url(format!("gs://{bucket}")).build();
    finish(built.map(|built| Arc::new(built) as _), |inner| Store {
        inner,
        takes_suffixes: true,
        keys_in_a_page: 1000,
        patience: given.patience(),
        is_http: false,
        bucket: format!("bucket `{bucket}`"),
        region_option: None,
        credentials: "set GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_STORAGE_TOKEN; a public bucket \
                      needs --storage-option google_skip_signature=true",
        secrets: given.all_secrets(),
    })
}

fn azure(name: &str, host: &str, mut given: ResolvedOptions) -> Result<Store, String> {
    let known = given.known::<AzureConfigKey>()?;
    let mut builder = MicrosoftAzureBuilder::new()
        .with_http_connector(Connector)
        .with_client_options(given.client()?)
        .with_retry(given.retries());
    for (key, value) in known {
        builder = builder.with_config(key, value);
    }
    let built = builder.with_url(name).build();
    let container = host.split('@').next().unwrap_or(host);
    finish(built.map(|built| Arc::new(built) as _), |inner| Store {
        inner,
        takes_suffixes: false,
        keys_in_a_page: 5000,
        patience: given.patience(),
        is_http: false,
        bucket: format!("container `{container}`"),
        region_option: None,
        credentials: "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or \
                      AZURE_STORAGE_SAS_KEY; a public container needs --storage-option \
                      azure_skip_signature=true",
        secrets: given.all_secrets(),
    })
}
