//! Hostile datasets and servers, on real files and real sockets of the loopback interface: nothing that
//! a dataset says may steer the checker, its credentials or its terminal.
//!
//! `SECURITY.md` says what is defended, and against whom.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{copy, root, stderr, stdout};
use lance_lint::format::proto::lance::file::Field;
use lance_lint::format::proto::lance::table::{BasePath, DataFragment, Manifest};
use prost::Message;

/// What must not leave the machine, nor a file that is no data of Lance.
const SECRET: &str = "TELLTALE-7f3a";

/// Longest that any of these runs may take. A run that hangs is ended and fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run of the program as in CI: with credentials of every kind around it.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lance-lint"));
    command
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", format!("AKIA{SECRET}"))
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AZURE_STORAGE_ACCOUNT_KEY", "VEVMTFRBTEUtN2YzYQ==")
        .env("GOOGLE_STORAGE_TOKEN", SECRET)
        .env("OBJECT_STORE_CLIENT_MAX_RETRIES", "0")
        .env("OBJECT_STORE_CLIENT_RETRY_TIMEOUT", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("COLUMNS");
    command
}

fn run(mut command: Command) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let (send, ended) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(send);
    guard.join().unwrap();
    let code = output.status.code();
    assert!(
        matches!(code, Some(0..=2)),
        "ended with {:?}: {}",
        output.status,
        stderr(&output)
    );
    output
}

fn lint(arguments: &[&str]) -> Output {
    run(command(arguments))
}

/// All that a run printed, in one line: text is wrapped.
fn everything(output: &Output) -> String {
    let text = stdout(output) + &stderr(output);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A scratch folder that is removed with it.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A manifest file that holds a message and nothing else.
fn manifest_file(message: &Manifest) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    let mut file = length.to_le_bytes().to_vec();
    file.extend(message);
    file.extend(0_u64.to_le_bytes());
    file.extend([0, 0, 2, 0]);
    file.extend(b"LANC");
    file
}

/// The message of the only manifest of a fixture, or of its newest.
fn manifest_of(dataset: &Path) -> (PathBuf, Manifest) {
    let folder = dataset.join("_versions");
    let mut names: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "manifest"))
        .collect();
    names.sort();
    let path = names[0].clone();
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.len() - 16;
    let position = u64::from_le_bytes(bytes[end..end + 8].try_into().unwrap());
    let start = usize::try_from(position).unwrap() + 4;
    (path, Manifest::decode(&bytes[start..end]).unwrap())
}

/// A copy of a healthy dataset of two data files, whose newest manifest is edited.
fn edited(to: &Path, edit: impl FnOnce(&mut Manifest)) {
    let from = root().join("testdata/broken/base-path-in-other-store-2.1");
    copy(&from, to);
    let (path, mut message) = manifest_of(to);
    message.base_paths.clear();
    message.index_section = None;
    message.transaction_section = None;
    edit(&mut message);
    std::fs::write(path, manifest_file(&message)).unwrap();
}

/// All data files are said to be behind a base path.
fn behind(message: &mut Manifest, path: &str) {
    message.base_paths.push(BasePath {
        id: 1,
        path: path.to_string(),
        ..BasePath::default()
    });
    message.reader_feature_flags |= 16;
    message.writer_feature_flags |= 16;
    for fragment in &mut message.fragments {
        for file in &mut fragment.files {
            file.base_id = Some(1);
        }
    }
}

/// A web server that notes what it is sent, and answers as it is told.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = requests.clone();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, answer) = (noted.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &noted, answer.as_ref()));
            }
        });
        Self { port, requests }
    }

    /// Serves the files below a folder.
    fn of_files(folder: PathBuf) -> Self {
        Self::start(move |line, head| file(&folder, line, head))
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    noted: &Mutex<Vec<String>>,
    answer: &dyn Fn(&str, &str) -> Vec<u8>,
) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    noted.lock().unwrap().push(head.clone());
    let line = head.lines().next().unwrap_or_default().to_string();
    let _ = stream.write_all(&answer(&line, &head));
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut all = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .into_bytes();
    all.extend(body);
    all
}

/// A file below a folder, or a range of it; a listing for PROPFIND.
fn file(folder: &Path, line: &str, head: &str) -> Vec<u8> {
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = path.trim_start_matches('/').trim_end_matches('/');
    let place = folder.join(path);
    if method == "PROPFIND" {
        return listing(&place, path);
    }
    let Ok(bytes) = std::fs::read(&place) else {
        return response("404 Not Found", "", b"");
    };
    let dated = "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nETag: \"1\"\r\n";
    let range = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": bytes=")?;
        name.eq_ignore_ascii_case("range")
            .then(|| value.trim().to_string())
    });
    let size = bytes.len();
    let (start, end) = match range.as_deref().and_then(|range| range.split_once('-')) {
        None => return response("200 OK", dated, &bytes),
        Some(("", last)) => (size.saturating_sub(last.parse().unwrap()), size),
        Some((first, "")) => (first.parse().unwrap(), size),
        Some((first, last)) => {
            let last: usize = last.parse().unwrap();
            (first.parse().unwrap(), (last + 1).min(size))
        }
    };
    let headers = format!("{dated}Content-Range: bytes {start}-{}/{size}\r\n", end - 1);
    response("206 Partial Content", &headers, &bytes[start..end])
}

fn listing(place: &Path, path: &str) -> Vec<u8> {
    let Ok(entries) = place.read_dir() else {
        return response("404 Not Found", "", b"");
    };
    let item = |href: &str, size: Option<u64>| {
        let kind = if size.is_none() {
            "<D:collection/>"
        } else {
            ""
        };
        let size = size.unwrap_or(0);
        format!(
            "<D:response><D:href>/{href}</D:href><D:propstat><D:prop>\
             <D:getcontentlength>{size}</D:getcontentlength><D:resourcetype>{kind}</D:resourcetype>\
             <D:getlastmodified>Thu, 01 Jan 2026 00:00:00 GMT</D:getlastmodified></D:prop>\
             <D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        )
    };
    let mut text = item(&format!("{path}/"), None);
    for entry in entries.flatten() {
        let metadata = entry.metadata().unwrap();
        let name = entry.file_name().into_string().unwrap();
        let size = (!metadata.is_dir()).then_some(metadata.len());
        let end = if metadata.is_dir() { "/" } else { "" };
        text += &item(&format!("{path}/{name}{end}"), size);
    }
    let body =
        format!("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">{text}</D:multistatus>");
    response(
        "207 Multi-Status",
        "Content-Type: application/xml\r\n",
        body.as_bytes(),
    )
}

// Base paths -----------------------------------------------------------------------------------

#[test]
fn credentials_do_not_follow_a_base_path() {
    let server = Server::start(|_, _| {
        response(
            "403 Forbidden",
            "x-amz-bucket-region: x.localhost/\r\n",
            b"",
        )
    });
    let port = server.port;
    let scratch = scratch();
    let token = scratch.path().join("token");
    std::fs::write(&token, SECRET).unwrap();
    for base in [
        format!("s3://localhost:{port}\\x/d.lance"),
        format!("s3://127.0.0.1:{port}/d.lance"),
        format!("s3://localhost:{port}#/d.lance"),
        format!("s3://a@localhost:{port}/d.lance"),
        format!("s3a://localhost:{port}\\x/d.lance"),
        format!("s3+ddb://localhost:{port}\\x/d.lance?ddbTableName=t"),
        format!("gs://localhost:{port}\\x/d.lance"),
        format!("az://c@localhost:{port}/d.lance"),
        format!("abfss://c@localhost:{port}\\.dfs.core.windows.net/d.lance"),
        format!("http://localhost:{port}/d.lance"),
        format!("HTTP://localhost:{port}/d.lance"),
        "s3://another-bucket/d.lance".to_string(),
        "gs://another-bucket/d.lance".to_string(),
        "abfss://c@account.dfs.core.windows.net/d.lance".to_string(),
    ] {
        let dataset = scratch.path().join("d.lance");
        let _ = std::fs::remove_dir_all(&dataset);
        edited(&dataset, |message| behind(message, &base));
        let mut command = command(&[dataset.to_str().unwrap(), "--format", "json"]);
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", &token)
            .env("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")
            // Where a client that asks a real provider would end up.
            .env("HTTPS_PROXY", format!("http://127.0.0.1:{port}"))
            .env("HTTP_PROXY", format!("http://127.0.0.1:{port}"));
        let output = run(command);
        assert_eq!(server.requests(), Vec::<String>::new(), "{base}");
        let text = stdout(&output);
        assert!(text.contains("base-path-not-followed"), "{base}: {text}");
        assert!(!everything(&output).contains(SECRET));
    }
}

#[test]
fn a_base_path_is_followed_where_the_user_allows_it() {
    let scratch = scratch();
    let other = scratch.path().join("other.lance");
    edited(&other, |_| ());
    let dataset = scratch.path().join("d.lance");
    edited(&dataset, |message| {
        behind(message, other.to_str().unwrap());
        message.base_paths[0].is_dataset_root = true;
    });
    std::fs::remove_dir_all(dataset.join("data")).unwrap();
    let path = dataset.to_str().unwrap();
    // What looks like data of Lance is followed on this machine, but not for a stranger.
    assert_eq!(lint(&[path]).status.code(), Some(0));
    let output = lint(&[path, "--untrusted"]);
    assert!(
        stdout(&output).contains("base-path-not-followed"),
        "{}",
        everything(&output)
    );
    let allowed = lint(&[path, "--untrusted", "--allow-base", other.to_str().unwrap()]);
    assert!(
        !stdout(&allowed).contains("base-path-not-followed"),
        "{}",
        everything(&allowed)
    );
    let near = scratch.path().join("other.lan");
    let near = lint(&[path, "--untrusted", "--allow-base", near.to_str().unwrap()]);
    assert!(
        stdout(&near).contains("base-path-not-followed"),
        "{}",
        everything(&near)
    );
}

/// Files that hold the secret, and are no data of Lance.
fn secrets(folder: &Path) {
    std::fs::create_dir_all(folder.join("data")).unwrap();
    std::fs::write(folder.join("passwd"), SECRET).unwrap();
    std::fs::write(folder.join("data/passwd"), SECRET).unwrap();
}

/// The data files of a manifest are named after files of the machine.
fn name_files(message: &mut Manifest, name: &str) {
    for fragment in &mut message.fragments {
        for file in &mut fragment.files {
            file.path = name.to_string();
        }
    }
}

#[test]
fn a_remote_dataset_leads_to_no_local_file() {
    let scratch = scratch();
    let secret = scratch.path().join("etc");
    secrets(&secret);
    let served = scratch.path().join("served");
    for base in [
        secret.to_str().unwrap().to_string(),
        format!("file://{}", secret.display()),
        format!("file://localhost{}", secret.display()),
        format!("file-object-store://{}", secret.display()),
        format!("{}/../etc", secret.display()),
        "../../../../../../../../../../etc".to_string(),
    ] {
        let _ = std::fs::remove_dir_all(&served);
        edited(&served.join("d.lance"), |message| {
            behind(message, &base);
            name_files(message, "passwd");
        });
        let server = Server::of_files(served.clone());
        let url = format!("http://127.0.0.1:{}/d.lance", server.port);
        for more in [&[][..], &["--allow-base", secret.to_str().unwrap()]] {
            let output = lint(&[&[url.as_str()], more].concat());
            let text = everything(&output);
            assert!(
                text.contains("does not lead to files of this machine"),
                "{base}: {text}"
            );
            assert!(!text.contains(SECRET), "{text}");
        }
    }
}

#[test]
fn a_local_dataset_does_not_show_files_that_are_not_lance() {
    let scratch = scratch();
    let secret = scratch.path().join("etc");
    std::fs::create_dir_all(&secret).unwrap();
    std::fs::write(secret.join("passwd"), SECRET).unwrap();
    let dataset = scratch.path().join("d.lance");
    edited(&dataset, |message| {
        behind(message, secret.to_str().unwrap());
        name_files(message, "passwd");
    });
    let output = lint(&[dataset.to_str().unwrap()]);
    let text = everything(&output);
    assert!(text.contains("does not look like data of Lance"), "{text}");
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn paths_of_files_do_not_lead_out_of_the_dataset() {
    let scratch = scratch();
    std::fs::write(scratch.path().join("passwd"), SECRET).unwrap();
    let absolute = scratch.path().join("passwd");
    for name in [
        "../../passwd",
        "./../../passwd",
        absolute.to_str().unwrap(),
        "a/../../../passwd",
    ] {
        let dataset = scratch.path().join("d.lance");
        let _ = std::fs::remove_dir_all(&dataset);
        edited(&dataset, |message| name_files(message, name));
        let output = lint(&[dataset.to_str().unwrap(), "--format", "json"]);
        let text = everything(&output);
        assert!(text.contains("data-file-missing"), "{name}: {text}");
        assert!(!text.contains(SECRET), "{name}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_quoted_from_what_a_link_leads_to() {
    let scratch = scratch();
    let secret = scratch.path().join("passwd");
    // As short as its last bytes are.
    for text in [
        SECRET.to_string(),
        SECRET.repeat(2000),
        format!("{{\"version\": \"{SECRET}\"}}"),
    ] {
        std::fs::write(&secret, &text).unwrap();
        let dataset = scratch.path().join("d.lance");
        let _ = std::fs::remove_dir_all(&dataset);
        edited(&dataset, |_| ());
        let mut places: Vec<PathBuf> = dataset
            .join("data")
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        places.push(dataset.join("_refs/tags/t.json"));
        places.push(dataset.join("_versions/7.manifest"));
        places.push(dataset.join("_versions/latest_version_hint.json"));
        std::fs::create_dir_all(dataset.join("_refs/tags")).unwrap();
        for place in places {
            let _ = std::fs::remove_file(&place);
            std::os::unix::fs::symlink(&secret, place).unwrap();
        }
        let path = dataset.to_str().unwrap();
        // Its last bytes, as numbers.
        let bytes = format!("{:?}", &text.as_bytes()[text.len() - 4..]);
        let bytes = bytes.as_str();
        for more in [
            &[][..],
            &["--tag", "t"],
            &["--all-versions"],
            &["--format", "json"],
            &["--version", "7"],
        ] {
            let output = lint(&[&[path], more].concat());
            let text = everything(&output);
            assert!(
                !text.contains(SECRET) && !text.contains(bytes),
                "{more:?}: {text}"
            );
        }
        for command in ["inspect", "orphans"] {
            let text = everything(&lint(&[command, path]));
            assert!(
                !text.contains(SECRET) && !text.contains(bytes),
                "{command}: {text}"
            );
        }
    }
}

// Redirects ------------------------------------------------------------------------------------

#[test]
fn a_redirect_leads_nobody_to_another_host() {
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let other = Server::start(|_, _| response("200 OK", "", b"x"));
        let to = format!("http://127.0.0.1:{}/latest/meta-data", other.port);
        let server =
            Server::start(move |_, _| response(status, &format!("Location: {to}\r\n"), b""));
        let url = format!("http://127.0.0.1:{}/d.lance", server.port);
        let header = format!("headers.x-api-key={SECRET}");
        let output = lint(&[&url, "--storage-option", &header]);
        assert_eq!(output.status.code(), Some(2), "{}", everything(&output));
        let text = everything(&output);
        assert!(
            text.contains("redirects to another host"),
            "{status}: {text}"
        );
        assert!(!text.contains(SECRET), "{text}");
        assert_eq!(other.requests(), Vec::<String>::new(), "{status}");
        assert!(
            server.requests()[0].contains(SECRET),
            "the server itself is sent the header"
        );
    }
}

#[test]
fn a_redirect_within_a_server_is_followed() {
    let scratch = scratch();
    edited(&scratch.path().join("d.lance"), |_| ());
    let folder = scratch.path().to_path_buf();
    let server = Server::start(move |line, head| {
        match line
            .split(' ')
            .nth(1)
            .and_then(|path| path.strip_prefix("/old/"))
        {
            Some(path) if !line.starts_with("PROPFIND") => {
                response("302 Found", &format!("Location: /{path}\r\n"), b"")
            }
            Some(path) => listing(
                &folder.join(path.trim_end_matches('/')),
                &format!("old/{}", path.trim_end_matches('/')),
            ),
            None => file(&folder, line, head),
        }
    });
    let url = format!("http://127.0.0.1:{}/old/d.lance", server.port);
    let header = format!("headers.x-api-key={SECRET}");
    let output = lint(&[&url, "--storage-option", &header]);
    assert_eq!(output.status.code(), Some(0), "{}", everything(&output));
    let all = server.requests();
    assert!(
        all.iter().all(|request| request.contains(SECRET)),
        "{all:?}"
    );
}

#[test]
fn a_server_that_redirects_for_ever_is_left() {
    let server = Server::start(|_, _| response("302 Found", "Location: /x\r\n", b""));
    let url = format!("http://127.0.0.1:{}/d.lance", server.port);
    let output = lint(&[&url]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("redirects again and again"),
        "{}",
        stderr(&output)
    );
}

// Options --------------------------------------------------------------------------------------

/// Runs with a storage option, beside others that it needs to get so far.
fn refused_without_panic(url: &str, option: &str, others: &[&str]) {
    let mut command = command(&[url]);
    for option in [&[option], others].concat() {
        command.args(["--storage-option", option]);
    }
    let output = run(command);
    assert_eq!(output.status.code(), Some(2), "{option}");
    assert!(
        !stderr(&output).contains("panicked"),
        "{option}: {}",
        stderr(&output)
    );
}

#[test]
fn no_option_makes_it_panic() {
    for endpoint in [
        "http://[",
        "http://",
        "http:///x",
        "h",
        "http://a b",
        "http://h:99999",
        "\u{1b}",
        "http://ä ö",
    ] {
        for (url, key) in [
            ("s3://bucket/d.lance", "aws_endpoint"),
            ("az://container/d.lance", "azure_endpoint"),
            ("gs://bucket/d.lance", "google_base_url"),
            ("s3://bucket/d.lance", "proxy_url"),
            ("az://container/d.lance", "azure_authority_host"),
        ] {
            let option = format!("{key}={endpoint}");
            refused_without_panic(
                url,
                &option,
                &["aws_region=x", "azure_storage_account_name=a", "timeout=1s"],
            );
        }
    }
    for (key, value) in [
        ("aws_region", "us-east-1.evil.example/"),
        ("aws_region", "x@127.0.0.1/"),
        ("timeout", "ever"),
        ("allow_http", "perhaps"),
        ("user_agent", "a\nb"),
        ("headers.x y", "1"),
        ("headers.x", "a\nb"),
        ("azure_storage_account_name", "a@b"),
        ("proxy_ca_certificate", "x"),
        ("pool_max_idle_per_host", "-1"),
    ] {
        for url in [
            "s3://bucket/d.lance",
            "az://container/d.lance",
            "http://127.0.0.1:1/d.lance",
        ] {
            let option = format!("{key}={value}");
            refused_without_panic(
                url,
                &option,
                &[
                    "azure_storage_account_name=a",
                    "aws_endpoint=http://127.0.0.1:1",
                    "azure_endpoint=http://127.0.0.1:1",
                ],
            );
        }
    }
}

// Configuration --------------------------------------------------------------------------------

const IGNORE_ALL: &str = "[[override]]\npaths = [\"**\"]\nlevel = \"ignore\"\nreason = \"x\"\n";

#[test]
fn a_configuration_inside_a_dataset_is_not_read() {
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    copy(&root().join("testdata/daft-blob.lance"), &dataset);
    for place in [
        "lance-lint.toml",
        "data/lance-lint.toml",
        "_versions/lance-lint.toml",
    ] {
        std::fs::write(dataset.join(place), IGNORE_ALL).unwrap();
    }
    let (path, _) = manifest_of(&dataset);
    let data = dataset
        .join("data")
        .read_dir()
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let data = match data.extension().is_some_and(|end| end == "lance") {
        true => data,
        false => dataset.join("data"),
    };
    for target in [dataset.clone(), path, data] {
        let output = lint(&[target.to_str().unwrap(), "-q"]);
        assert_eq!(output.status.code(), Some(1), "{}", everything(&output));
    }
    // From within, too.
    let mut inside = command(&["."]);
    inside.current_dir(&dataset);
    assert_eq!(run(inside).status.code(), Some(1));
    let mut inside = command(&["../../d.lance"]);
    inside.current_dir(dataset.join("data"));
    assert_eq!(run(inside).status.code(), Some(1));
    // Beside it, it is the user's; a stranger's pull request may bring one there.
    std::fs::write(scratch.path().join("lance-lint.toml"), IGNORE_ALL).unwrap();
    let path = dataset.to_str().unwrap();
    let output = lint(&[path]);
    assert_eq!(output.status.code(), Some(0), "{}", everything(&output));
    assert_eq!(lint(&[path, "--untrusted"]).status.code(), Some(1));
}

#[test]
fn what_the_data_ignores_is_always_said() {
    let path = "testdata/gate/ignore-in-metadata-2.0";
    let run_in_root = |more: &[&str]| {
        let mut command = command(&[&[path], more].concat());
        command.current_dir(root());
        run(command)
    };
    for more in [
        &["-q"][..],
        &["--format", "concise"],
        &["--format", "github"],
        &["--format", "sarif"],
        &[],
    ] {
        let output = run_in_root(more);
        assert_eq!(output.status.code(), Some(0));
        let text = everything(&output);
        assert!(
            text.contains("metadata (lance-lint:ignore) ignores 1 finding: blob-stored-plain"),
            "{more:?}: {text}"
        );
    }
    let output = run_in_root(&["--untrusted", "-q"]);
    assert_eq!(output.status.code(), Some(1), "{}", everything(&output));
    assert!(
        stderr(&output).contains("has no effect with --untrusted"),
        "{}",
        stderr(&output)
    );
}

#[cfg(unix)]
#[test]
fn a_configuration_or_baseline_is_a_small_regular_file() {
    let scratch = scratch();
    let place = |name: &str| scratch.path().join(name).to_str().unwrap().to_string();
    let (fifo, sparse) = (place("fifo"), place("sparse"));
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    std::fs::File::create(&sparse)
        .unwrap()
        .set_len(3 << 30)
        .unwrap();
    let dataset = root().join("testdata/daft-blob.lance");
    let dataset = dataset.to_str().unwrap();
    for file in [
        fifo.as_str(),
        "/dev/zero",
        "/dev/full",
        &sparse,
        "/",
        "/proc/self/mem",
    ] {
        for option in ["--config", "--baseline"] {
            let started = Instant::now();
            let output = lint(&[dataset, option, file]);
            assert_eq!(
                output.status.code(),
                Some(2),
                "{option} {file}: {}",
                everything(&output)
            );
            assert!(started.elapsed() < PATIENCE);
        }
    }
    // One that lies beside the dataset.
    let beside = scratch.path().join("beside");
    copy(Path::new(dataset), &beside.join("d.lance"));
    let config = beside.join("lance-lint.toml");
    assert!(
        Command::new("mkfifo")
            .arg(&config)
            .status()
            .unwrap()
            .success()
    );
    let output = lint(&[beside.join("d.lance").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", everything(&output));
}

#[test]
fn what_is_no_configuration_is_not_repeated() {
    let scratch = scratch();
    let dataset = root().join("testdata/daft-blob.lance");
    for text in [
        format!("{SECRET}\n"),
        format!("password = {SECRET}\n"),
        format!("{SECRET} = 1\n"),
        format!("fail-on = \"{SECRET}\"\n"),
        format!("baseline = [\"{SECRET}\"]\n"),
        format!("[rules]\n{SECRET} = \"error\"\n"),
        format!("[rules]\nblob-stored-plain = \"{SECRET}\"\n"),
        format!("[[override]]\n{SECRET} = 1\n"),
        format!("[[override]]\nrules = [\"{SECRET}\"]\nlevel = \"error\"\n"),
        format!("{{\"{SECRET}\": 1}}"),
        format!("{{\"lance_lint_baseline\": \"{SECRET}\", \"findings\": []}}"),
        format!("{{\"lance_lint_baseline\": 1, \"{SECRET}\": 1}}"),
        format!(
            "{{\"lance_lint_baseline\": 1, \"findings\": [{{\"dataset\": \"d\", \"rule\": \"{SECRET}\"}}]}}"
        ),
    ] {
        let file = scratch.path().join("secrets");
        std::fs::write(&file, &text).unwrap();
        for option in ["--config", "--baseline"] {
            let output = lint(&[dataset.to_str().unwrap(), option, file.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(2), "{option}: {text}");
            assert!(
                !everything(&output).contains(SECRET),
                "{option}: {}",
                stderr(&output)
            );
        }
    }
}

// What is printed ------------------------------------------------------------------------------

/// Texts that a terminal or a CI runner obeys, and how a name could hold them.
const ACTS: &[&str] = &[
    "\u{1b}]0;owned\u{7}",
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}[8mhidden\u{1b}[0m",
    "\u{9b}2J",
    "a\n::error title=owned::owned",
    "a\r\n::stop-commands::owned",
    "::add-mask::x",
    "##[error]owned",
    "a ##vso[task.setvariable variable=x]owned",
    "##teamcity[owned]",
    "a\u{202e}drowssap",
    "a\u{2028}::error::owned",
    "a\u{85}::error::owned",
    "a\u{b}::error::owned",
    "\u{8}\u{8}\u{8}owned",
    "a\u{0}b",
    "a\u{200b}b",
    "[owned](https://owned.example)",
    "<script>owned</script>",
];

/// Names a dataset's columns, types, metadata, writer, branch, base paths and files after a text.
fn named_after(message: &mut Manifest, text: &str) {
    for field in &mut message.fields {
        field.name = format!("{text}{}", field.id);
        field
            .metadata
            .insert(format!("lance-encoding:{text}"), text.to_string().into());
        field
            .metadata
            .insert("lance-encoding:compression".into(), text.to_string().into());
        field
            .metadata
            .insert(text.to_string(), text.to_string().into());
        field
            .metadata
            .insert("lance-lint:ignore".into(), text.to_string().into());
    }
    message.fields.push(field_of(&format!("{text}9"), 9, text));
    message
        .schema_metadata
        .insert(text.into(), text.to_string().into());
    message.branch = Some(text.to_string());
    message.base_paths.push(BasePath {
        id: 3,
        name: Some(text.to_string()),
        path: format!("s3://{text}/x"),
        ..BasePath::default()
    });
    if let Some(writer) = &mut message.writer_version {
        writer.version = text.to_string();
        writer.library = text.to_string();
    }
    if let Some(format) = &mut message.data_format {
        format.version = text.to_string();
    }
    message.transaction_file = text.to_string();
    message.tag = text.to_string();
    message.config.insert(text.into(), text.into());
    if let Some(fragment) = message.fragments.first_mut()
        && let Some(file) = fragment.files.first_mut()
    {
        file.path = text.to_string();
    }
}

fn field_of(name: &str, id: i32, logical_type: &str) -> Field {
    Field {
        name: name.to_string(),
        id,
        parent_id: -1,
        logical_type: logical_type.to_string(),
        ..Field::default()
    }
}

/// What is wrong with a text that goes to a terminal or a log.
fn obeyed(text: &str) -> Option<String> {
    let acts = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if let Some(c) = text.chars().find(|c| acts(*c)) {
        return Some(format!("{c:?} in it"));
    }
    let mut lines = text.lines();
    let command = lines.find(|line| {
        line.trim_start().starts_with("::")
            || ["##[", "##vso[", "##teamcity["]
                .iter()
                .any(|word| line.contains(word))
    });
    command.map(|line| format!("a command: {line}"))
}

#[test]
fn nothing_that_a_dataset_says_is_obeyed() {
    let scratch = scratch();
    let healthy = root().join("testdata/broken/base-path-in-other-store-2.1");
    for text in ACTS {
        let dataset = scratch.path().join("d.lance");
        let _ = std::fs::remove_dir_all(&dataset);
        edited(&dataset, |message| named_after(message, text));
        let path = dataset.to_str().unwrap();
        let column = format!("{text}0");
        let log =
            format!("Not found: {text}.lance, lance-encoding/src/decoder.rs:1:1 column {text}");
        let log_file = scratch.path().join("log");
        std::fs::write(&log_file, log).unwrap();
        let runs: &[&[&str]] = &[
            &[path],
            &[path, "-q"],
            &[path, "--format", "concise"],
            &[path, "--all-versions"],
            &[path, "--statistics"],
            &[path, "--list-files"],
            &[path, "--column", &column],
            &[path, "--column", text],
            &[path, "--branch", text],
            &[path, "--tag", text],
            &["inspect", path, "--column", &column],
            &["inspect", path, "--column", text],
            &["diff", path, healthy.to_str().unwrap()],
            &["diff", healthy.to_str().unwrap(), path],
            &["orphans", path, "--all"],
            &["split", path, "--into", "2"],
            &["diagnose", log_file.to_str().unwrap(), path],
            &["bundle", path, "-o", "-"],
        ];
        for arguments in runs {
            let arguments: Vec<String> = arguments.iter().map(|a| a.replace('\0', "")).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let output = lint(&arguments);
            for (stream, shown) in [("stdout", stdout(&output)), ("stderr", stderr(&output))] {
                let wrong = obeyed(&shown);
                assert_eq!(wrong, None, "{arguments:?} {stream}: {shown}");
            }
        }
        for format in ["json", "json-lines", "sarif", "gitlab", "junit", "github"] {
            let output = lint(&[path, "--format", format]);
            let shown = stdout(&output);
            // Its own commands are on lines of their own, one for each finding.
            let kept: String = match format {
                "github" => {
                    let own = |line: &&str| {
                        !["::error file=", "::warning file=", "::notice file="]
                            .iter()
                            .any(|start| line.starts_with(start))
                    };
                    shown.lines().filter(own).collect::<Vec<_>>().join("\n")
                }
                _ => shown.clone(),
            };
            let wrong = obeyed(&kept);
            assert_eq!(wrong, None, "{format}: {shown}");
            assert_eq!(
                obeyed(&stderr(&output)),
                None,
                "{format}: {}",
                stderr(&output)
            );
        }
        let output = lint(&[path, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let fields = report.to_string();
        let exact = serde_json::to_string(&column).unwrap();
        assert!(
            fields.contains(exact.trim_matches('"')),
            "JSON keeps names exact: {column:?}"
        );
    }
}

#[test]
fn colours_are_those_of_the_report() {
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    edited(&dataset, |message| {
        named_after(
            message,
            "\u{1b}[8m\u{1b}[31mx\u{1b}]8;;https://owned\u{1b}\\",
        )
    });
    let output = lint(&[dataset.to_str().unwrap(), "--color", "always"]);
    let text = stdout(&output);
    assert!(text.contains("\u{1b}[1m"), "{text}");
    assert!(
        !text.contains("\u{1b}[8m") && !text.contains("\u{1b}]"),
        "{text}"
    );
    assert!(!text.contains("\u{1b}[31mx"), "{text}");
}

#[cfg(unix)]
#[test]
fn names_of_files_are_shown_and_not_obeyed() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    edited(&dataset, |_| ());
    for name in [
        &b"\x1b]0;owned\x07.lance"[..],
        b"a\n::error::owned.lance",
        b"-rf.lance",
        b"\xff\xfe.lance",
        b"a\r.lance",
    ] {
        std::fs::write(dataset.join("data").join(OsStr::from_bytes(name)), "x").unwrap();
        std::fs::write(dataset.join("_versions").join(OsStr::from_bytes(name)), "x").unwrap();
        std::fs::create_dir_all(dataset.join("_refs/tags")).unwrap();
        let tag = [&name[..name.len() - 6], b".json"].concat();
        std::fs::write(
            dataset.join("_refs/tags").join(OsStr::from_bytes(&tag)),
            "x",
        )
        .unwrap();
    }
    let path = dataset.to_str().unwrap();
    for arguments in [
        &[path][..],
        &["orphans", path, "--all"],
        &[path, "--all-versions"],
        &[path, "--tag", "x"],
        &[path, "--format", "concise"],
        &[path, "--list-files"],
    ] {
        let output = lint(arguments);
        for shown in [stdout(&output), stderr(&output)] {
            assert_eq!(obeyed(&shown), None, "{arguments:?}: {shown}");
        }
    }
    let mut odd = command(&[]);
    odd.arg(dataset.join(OsStr::from_bytes(b"\x1b]0;owned\x07\xff\n::error::x")));
    assert_eq!(obeyed(&stderr(&run(odd))), None);
}

/// Writes the file of a branch or tag that is no JSON of one.
fn bad_ref(dataset: &Path, kind: &str, name: &str) {
    let folder = dataset.join("_refs").join(kind);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), "{bad").unwrap();
}

#[cfg(unix)]
#[test]
fn a_name_adds_no_line_to_what_is_to_be_done() {
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    edited(&dataset, |_| ());
    bad_ref(&dataset, "branches", "a:\n::error::x\nFORGED = rm.json");
    bad_ref(&dataset, "tags", "a:\n::error::x\nFORGED = rm.json");
    let path = dataset.to_str().unwrap();
    for format in ["text", "concise", "junit", "github", "gitlab", "sarif"] {
        let output = lint(&[path, "--untrusted", "--format", format]);
        let said = stdout(&output);
        assert!(said.contains("FORGED"), "{format}: {said}");
        let forged = said.lines().find(|line| {
            let line = line.trim_start();
            line.starts_with("FORGED") || line.trim_start_matches('\\').starts_with("::error::x")
        });
        assert_eq!(forged, None, "{format}: {said}");
    }
}

#[test]
fn a_name_adds_no_code_to_what_is_to_be_pasted() {
    // A child of a packed struct: the advice on it has code with both names (LL-0018).
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    copy(&root().join("testdata/clean/packed-struct-2.0"), &dataset);
    let (path, mut message) = manifest_of(&dataset);
    let evil = "x\"]); import os; os.abort() #\nos.abort()";
    for field in &mut message.fields {
        field.name = format!("{}{evil}", field.name);
    }
    std::fs::write(path, manifest_file(&message)).unwrap();
    let output = lint(&[dataset.to_str().unwrap(), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut pasted = 0;
    for finding in report["findings"].as_array().unwrap() {
        for help in finding["help"].as_array().unwrap() {
            let (_, code) = help.as_str().unwrap().split_once('\n').unwrap_or_default();
            pasted += usize::from(code.contains("abort"));
            assert!(
                !code.lines().any(|line| line.starts_with("os.abort")),
                "{code}"
            );
            // Within a literal the quote of the name is escaped.
            assert!(!code.contains("x\"])"), "{code}");
        }
    }
    assert!(pasted > 0, "{report:#}");
}

#[cfg(unix)]
#[test]
fn a_link_to_itself_hides_nothing() {
    use std::os::unix::fs::symlink;
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    for kind in ["tags", "branches"] {
        edited(&dataset, |_| ());
        bad_ref(&dataset, kind, "bad.json");
        symlink("zz", dataset.join("_refs").join(kind).join("zz")).unwrap();
        let output = lint(&["--untrusted", dataset.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{kind}: {}", stdout(&output));
        assert!(stdout(&output).contains("ref-unreadable"));
        std::fs::remove_dir_all(&dataset).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_dataset_of_a_stranger() {
    use std::os::unix::fs::symlink;
    let scratch = scratch();
    let outside = scratch.path().join("outside");
    edited(&outside.join("other.lance"), |_| ());
    std::fs::write(outside.join(format!("{SECRET}.json")), "{}").unwrap();
    std::fs::create_dir(outside.join(SECRET)).unwrap();
    let dataset = scratch.path().join("d.lance");
    let path = dataset.to_str().unwrap();
    let bundle = scratch.path().join("bundle.zip");
    let other = outside.join("other.lance/data");
    let file = other.read_dir().unwrap().next().unwrap().unwrap();
    let mut refused = 0;
    for (link, target) in [
        (PathBuf::from("data").join(file.file_name()), file.path()),
        (PathBuf::from("data"), other.clone()),
        (
            PathBuf::from("_versions"),
            outside.join("other.lance/_versions"),
        ),
        (PathBuf::from("data/more"), outside.clone()),
        (PathBuf::from("_refs/tags"), outside.clone()),
        (PathBuf::from("_indices"), outside.clone()),
        (PathBuf::from("_deletions"), outside.clone()),
        (PathBuf::from("_transactions"), outside.clone()),
        (PathBuf::from("tree"), outside.clone()),
    ] {
        edited(&dataset, |_| ());
        let link = dataset.join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        if link.is_dir() {
            std::fs::remove_dir_all(&link).unwrap();
        } else if link.exists() {
            std::fs::remove_file(&link).unwrap();
        }
        symlink(&target, &link).unwrap();
        for arguments in [
            &[path][..],
            &[path, "--all-versions"],
            &["inspect", path],
            &["orphans", path, "--all"],
            &[
                "bundle",
                path,
                "--all-files",
                "--force",
                "-o",
                bundle.to_str().unwrap(),
            ],
        ] {
            let output = lint(&[arguments, &["--untrusted"]].concat());
            let said = everything(&output);
            assert!(!said.contains(SECRET), "{link:?} {arguments:?}: {said}");
            if arguments[0] == path && target.starts_with(outside.join("other.lance")) {
                assert_ne!(
                    output.status.code(),
                    Some(0),
                    "{link:?} {arguments:?}: {said}"
                );
            }
            refused += usize::from(said.contains("a symbolic link leads out of the dataset"));
            if let Ok(bytes) = std::fs::read(&bundle) {
                let holds = |word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
                assert!(!holds(SECRET.as_bytes()), "{link:?} {arguments:?}");
                std::fs::remove_file(&bundle).unwrap();
            }
        }
        std::fs::remove_dir_all(&dataset).unwrap();
    }
    assert!(refused >= 6, "{refused}");
    // Links within the dataset are followed, and the path that the user names may be one.
    edited(&dataset, |_| ());
    std::fs::rename(dataset.join("data"), dataset.join("elsewhere")).unwrap();
    symlink("elsewhere", dataset.join("data")).unwrap();
    let link = scratch.path().join("link.lance");
    symlink("d.lance", &link).unwrap();
    let output = lint(&["--untrusted", link.to_str().unwrap(), path]);
    assert_eq!(output.status.code(), Some(0), "{}", everything(&output));
}

#[test]
fn files_of_tags_are_not_read_without_limit() {
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    edited(&dataset, |_| ());
    let sparse = |name: &str, size: u64| {
        bad_ref(&dataset, "tags", name);
        let path = dataset.join("_refs/tags").join(name);
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(size).unwrap();
    };
    sparse("huge.json", 3 << 30);
    for count in 0..100 {
        sparse(&format!("{count:03}.json"), 1 << 20);
    }
    let output = lint(&[dataset.to_str().unwrap(), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let read = report["summary"]["bytes_read"].as_u64().unwrap();
    assert!(read < 70 << 20, "{read}");
    let findings = report["findings"].as_array().unwrap();
    let unreadable = |finding: &&serde_json::Value| finding["rule"] == "ref-unreadable";
    assert!(findings.iter().any(|finding| unreadable(&finding)));
}

#[cfg(unix)]
#[test]
fn folders_that_lead_back_to_themselves_end() {
    use std::os::unix::fs::symlink;
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    copy(&root().join("testdata/clean/index-btree-2.1"), &dataset);
    let index = std::fs::read_dir(dataset.join("_indices")).unwrap();
    let index = index.map(|entry| entry.unwrap().path()).next().unwrap();
    std::fs::create_dir_all(dataset.join("tree/a")).unwrap();
    for folder in [index, dataset.join("data"), dataset.join("tree/a")] {
        for count in 0..40 {
            symlink(".", folder.join(format!("l{count}"))).unwrap();
        }
    }
    let path = dataset.to_str().unwrap();
    for arguments in [&[path][..], &[path, "--all-versions"], &["orphans", path]] {
        // Each ends, and says why where not all was looked at.
        let output = lint(arguments);
        let clean = output.status.code() == Some(0);
        assert!(
            clean || stderr(&output).contains("folders"),
            "{}",
            everything(&output)
        );
    }
}

#[test]
fn a_folder_called_tree_makes_no_dataset_a_branch() {
    let scratch = scratch();
    let outside = scratch.path().join("private");
    edited(&outside, |_| ());
    let dataset = scratch.path().join("tree/sub/d.lance");
    std::fs::create_dir_all(dataset.parent().unwrap()).unwrap();
    edited(&dataset, |message| {
        behind(message, outside.to_str().unwrap())
    });
    let output = lint(&["--untrusted", dataset.to_str().unwrap()]);
    assert!(
        everything(&output).contains("base-path-not-followed"),
        "{}",
        everything(&output)
    );
}

#[test]
fn a_server_does_not_fill_the_memory() {
    // More than any answer may have, and no end to it.
    for (status, first) in [
        (
            "206 Partial Content",
            "Content-Range: bytes 0-999/1000\r\nContent-Length: 99999999999\r\n",
        ),
        ("200 OK", ""),
        ("403 Forbidden", ""),
        ("500 Internal Server Error", ""),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(Mutex::new(0_u64));
        let counted = Arc::clone(&sent);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let counted = Arc::clone(&counted);
                let head = format!("HTTP/1.1 {status}\r\n{first}\r\n");
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request);
                    let is_head = request.starts_with(b"HEAD");
                    if stream.write_all(head.as_bytes()).is_err() || is_head {
                        return;
                    }
                    while stream.write_all(&[b'x'; 1 << 16]).is_ok() {
                        *counted.lock().unwrap() += 1 << 16;
                    }
                });
            }
        });
        let url = format!("http://127.0.0.1:{port}/d.lance/data/x.lance");
        let output = lint(&[&url, "--storage-option", "allow_http=true"]);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{status}: {}",
            everything(&output)
        );
        let sent = *sent.lock().unwrap();
        assert!(sent < 1 << 30, "{status}: {sent} bytes were taken");
    }
}

#[test]
fn a_server_does_not_make_a_run_endless() {
    let server = Server::start(|line: &str, _| match line {
        line if line.starts_with("PROPFIND") => response("405 Method Not Allowed", "", b""),
        line if line.contains("latest_version_hint.json") => response(
            "200 OK",
            "Content-Range: bytes 0-12/13\r\n",
            b"{\"version\":5}",
        ),
        _ => response("200 OK", "", b"12345"),
    });
    let output = lint(&[
        &format!("http://127.0.0.1:{}/d.lance", server.port),
        "--storage-option",
        "allow_http=true",
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", everything(&output));
}

#[test]
fn time_goes_with_the_size_of_what_is_read() {
    // 40,000 data files of one name in one fragment, and 8,000 columns of one name and no type: what
    // compared each with each took minutes.
    let scratch = scratch();
    let files = scratch.path().join("files.lance");
    edited(&files, |message| {
        message.fragments[0].files = vec![Default::default(); 40_000];
    });
    lint(&[files.to_str().unwrap(), "--format", "concise", "-q"]);
    let alike = scratch.path().join("alike.lance");
    edited(&alike, |message| {
        message.fields = (0..8_000).map(|id| field_of("a", id, "no type")).collect();
    });
    for format in ["sarif", "junit", "gitlab", "github"] {
        lint(&[alike.to_str().unwrap(), "--format", format, "-q"]);
    }
    // 300,000 fragments whose ids are multiples of the inverse of a hash function's factor: with a
    // hash that everybody knows they were all in one bucket.
    let bucket = scratch.path().join("bucket.lance");
    let inverse = (0..6).fold(FX_FACTOR, |inverse: u64, _| {
        inverse.wrapping_mul(2_u64.wrapping_sub(FX_FACTOR.wrapping_mul(inverse)))
    });
    edited(&bucket, |message| {
        let sound = message.fragments[0].clone();
        let ids = (0..300_000_u64).map(|number| number.wrapping_mul(inverse));
        message.fragments = ids
            .map(|id| DataFragment {
                id,
                files: Vec::new(),
                ..sound.clone()
            })
            .collect();
    });
    lint(&[bucket.to_str().unwrap(), "--format", "concise", "-q"]);
    // 200,000 fields of the id 0 in themselves, and a struct with a column and 40,000 children.
    let selves = scratch.path().join("selves.lance");
    edited(&selves, |message| {
        message.fields = vec![Field::default(); 200_000];
    });
    lint(&[selves.to_str().unwrap(), "--format", "concise", "-q"]);
    let children = scratch.path().join("children.lance");
    edited(&children, |message| {
        message.fields = vec![field_of("s", 0, "struct")];
        let child = |id: i32| Field {
            parent_id: 0,
            ..field_of(&format!("c{id}"), id, "int32")
        };
        message.fields.extend((1..100_000).map(child));
        message.fragments[0].files[0].fields = vec![0];
        message.fragments[0].files[0].column_indices = vec![0];
    });
    lint(&[children.to_str().unwrap(), "--format", "concise", "-q"]);
}

/// The factor of rustc-hash 2, by which it hashes numbers.
const FX_FACTOR: u64 = 0xf135_7aea_2e62_a9c5;

#[cfg(unix)]
#[test]
fn no_long_name_and_no_other_path_widens_what_is_read() {
    use std::os::unix::fs::symlink;
    let scratch = scratch();
    let folder = scratch.path();
    let outside = folder.join("outside.lance");
    edited(&outside, |_| ());
    let dataset = folder.join("d.lance");
    edited(&dataset, |_| ());
    std::fs::remove_dir_all(dataset.join("data")).unwrap();
    symlink(outside.join("data"), dataset.join("data")).unwrap();
    let path = dataset.to_str().unwrap();
    let refuses = |arguments: &[&str]| {
        let output = lint(&[arguments, &["--untrusted"]].concat());
        assert!(
            everything(&output).contains("a symbolic link leads out of the dataset"),
            "{arguments:?}: {}",
            everything(&output)
        );
    };
    refuses(&[path]);
    // Whether a name is there, outside, is not told either.
    std::fs::rename(outside.join("data"), outside.join("away")).unwrap();
    std::fs::create_dir(outside.join("data")).unwrap();
    refuses(&[path]);
    std::fs::remove_dir(outside.join("data")).unwrap();
    std::fs::rename(outside.join("away"), outside.join("data")).unwrap();
    // Another dataset that is named, and links that are none.
    refuses(&[path, outside.to_str().unwrap()]);
    let top = folder.join("top");
    symlink("/", &top).unwrap();
    refuses(&[path, top.to_str().unwrap()]);
    let file = outside.join("data").read_dir().unwrap().next().unwrap();
    let readme = folder.join("README");
    symlink(file.unwrap().path(), &readme).unwrap();
    let list = folder.join("list");
    std::fs::write(&list, format!("{}\n{path}\n", readme.display())).unwrap();
    refuses(&["--files-from", list.to_str().unwrap()]);
    // A way that is longer than the system takes in one name.
    let step = "x".repeat(200);
    let steps = |count: usize| vec![step.as_str(); count].join("/");
    std::fs::create_dir_all(dataset.join("deep").join(steps(12))).unwrap();
    symlink(format!("deep/{}", steps(12)), dataset.join("half")).unwrap();
    let half = dataset.join("half");
    std::fs::create_dir_all(half.join(steps(12))).unwrap();
    symlink(outside.join("data"), half.join(steps(12)).join("out")).unwrap();
    std::fs::remove_file(dataset.join("data")).unwrap();
    symlink(format!("half/{}/out", steps(12)), dataset.join("data")).unwrap();
    refuses(&[path]);
    // The name of what is outside is in no advice.
    std::fs::create_dir(outside.join(format!("{SECRET}.lance"))).unwrap();
    std::fs::remove_file(dataset.join("data")).unwrap();
    symlink(&outside, dataset.join("data")).unwrap();
    let link = folder.join("link.lance");
    std::fs::create_dir(folder.join("plain")).unwrap();
    std::fs::create_dir(folder.join(format!("plain/{SECRET}.lance"))).unwrap();
    symlink("plain", &link).unwrap();
    let inside = dataset.join(format!("data/{SECRET}x.lance"));
    for named in [dataset.join("data"), inside, link] {
        let output = lint(&[named.to_str().unwrap(), "--untrusted"]);
        let said = everything(&output).replace(&format!("{SECRET}x"), "");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[test]
fn a_report_sends_merge_nowhere_that_is_not_allowed() {
    let scratch = scratch();
    let server = Server::start(|_, _| response("404 Not Found", "", b""));
    let port = server.port;
    let report = scratch.path().join("part.json");
    let dataset = root().join("testdata/clean/blob-v1-three-fragments-2.0");
    let dataset = dataset.to_str().unwrap();
    let part = lint(&[dataset, "--fragments", "0..1", "--format", "json"]);
    let text = stdout(&part).replace(dataset, &format!("http://127.0.0.1:{port}/x.lance"));
    std::fs::write(&report, text).unwrap();
    let report = report.to_str().unwrap();
    let output = lint(&["merge", report, "--untrusted", "--partial"]);
    assert_eq!(output.status.code(), Some(2), "{}", everything(&output));
    assert!(everything(&output).contains("--allow-base"));
    assert!(server.requests().is_empty());
}

#[cfg(unix)]
#[test]
fn diagnose_waits_for_no_pipe() {
    let scratch = scratch();
    let pipe = scratch.path().join("pipe.lance");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let started = Instant::now();
    let log = root().join("testdata/panics/two-faults/caption.txt");
    let output = lint(&[
        "diagnose",
        pipe.to_str().unwrap(),
        "--log",
        log.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", everything(&output));
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn a_run_ends_when_its_time_is_over() {
    // A server that takes the question and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut streams = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            streams.push(stream);
        }
    });
    let url = format!("http://127.0.0.1:{port}/d.lance");
    let output = lint(&[
        &url,
        "--storage-option",
        "allow_http=true",
        "--timeout",
        "1s",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        everything(&output).contains("stopped by --timeout 1s"),
        "{}",
        everything(&output)
    );
}

#[test]
fn no_argument_that_may_hold_a_secret_is_repeated() {
    let there = "127.0.0.1:1/d.lance";
    let urls = [
        format!("http://u:{SECRET}@{there}"),
        format!("http:/u:{SECRET}@{there}"),
        format!("http:u:{SECRET}@{there}"),
        format!("http://u:{SECRET}/x@{there}"),
        format!("http://u:{SECRET}#x@{there}"),
        format!("http://u:a@{SECRET}@{there}"),
        format!("http://u:{SECRET}?x@{there}"),
        format!("http://{SECRET}@{there}"),
        format!("http://{there}?sig={SECRET}"),
        format!("http://{there}#{SECRET}"),
        format!("HTTP://u:{SECRET}@{there}"),
        format!("ftp://u:{SECRET}@{there}"),
        format!("s3://k:{SECRET}@bucket/d.lance"),
        format!("s3://bucket/d.lance?X-Amz-Signature={SECRET}"),
        format!("az://container/d.lance?sig={SECRET}"),
        format!("abfss://container:{SECRET}@account.dfs.core.windows.net/d.lance"),
    ];
    let options = [
        vec!["--storage-option".to_string(), SECRET.to_string()],
        vec!["--storage-option".to_string(), format!("={SECRET}")],
        vec!["--storage-option".to_string(), format!("{SECRET}=x")],
        vec![
            "--storage-option".to_string(),
            format!("aws_secret_access_ky={SECRET}"),
        ],
        vec!["--storage-option".to_string(), format!("timeout={SECRET}")],
        vec![
            "--storage-option".to_string(),
            format!("headers.x-key={SECRET}\n"),
        ],
        vec![
            "--storage-option".to_string(),
            format!("aws_endpoint=http://u:{SECRET}@["),
        ],
        vec![
            "--allow-base".to_string(),
            format!("https://u:{SECRET}@h?x"),
        ],
    ];
    let check = |arguments: &[&str]| {
        let said = everything(&lint(arguments));
        assert!(!said.contains(SECRET), "{arguments:?}: {said}");
    };
    for url in &urls {
        for before in [
            &[][..],
            &["inspect"],
            &["orphans"],
            &["bundle", "-o", "-"],
            &["split"],
        ] {
            let mut arguments = before.to_vec();
            arguments.push(url);
            check(&arguments);
        }
        check(&["diff", url, "testdata/daft-blob.lance"]);
        check(&[url, "--format", "json"]);
    }
    for option in &options {
        for place in ["testdata/daft-blob.lance", &format!("http://{there}")] {
            let option = option.iter().map(String::as_str);
            check(&[place].into_iter().chain(option).collect::<Vec<_>>());
        }
    }
}

#[test]
fn no_name_is_a_link_in_sarif() {
    let scratch = scratch();
    let dataset = scratch.path().join("d.lance");
    edited(&dataset, |message| {
        message.fragments.truncate(1);
        message.fragments[0].files[0].path = "[x](javascript:alert(1)).lance".to_string();
        let mut second = message.fragments[0].clone();
        second.id += 1;
        message.fragments.push(second);
    });
    let output = lint(&[dataset.to_str().unwrap(), "--format", "sarif"]);
    let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut named = 0;
    let mut open = vec![&log["runs"][0]["results"]];
    while let Some(value) = open.pop() {
        if let Some(text) = value["message"]["text"].as_str() {
            named += usize::from(text.contains("javascript"));
            assert!(!text.contains("[x]("), "{text}");
        }
        match value {
            serde_json::Value::Array(items) => open.extend(items),
            serde_json::Value::Object(items) => open.extend(items.values()),
            _ => {}
        }
    }
    assert!(named > 1, "{log:#}");
}
