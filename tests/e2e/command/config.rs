//! `jetty config`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{jetty, run, said};
use crate::harness::stack;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn config_file_has_mode_600_whatever_it_had_before_and_supplies_credentials() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let bare = |arguments: &[&str]| {
        let mut command = jetty(stack, &stack.dev, folder.path());
        command.env_remove("JETTY_URL").env_remove("JETTY_API_KEY").env_remove("JETTY_API_SECRET").args(arguments);
        run(command)
    };
    let open = || std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(bare(&["ls"]).await.status.code(), Some(2));
    // Others may have opened the file before the secret came into it.
    std::fs::write(&path, "").unwrap();
    open();
    let before = std::fs::File::open(&path).unwrap();
    let output = bare(&["config", "--url", &stack.url, "--key", &stack.dev.api_key, "--secret", &stack.dev.api_secret]).await;
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&stack.dev.api_secret), "the secret is not shown");
    assert_eq!((mode(&path), std::io::read_to_string(before).unwrap().as_str()), (0o600, ""));
    let output = bare(&["ls"]).await;
    assert!(output.status.success() && said(&output).is_empty(), "{output:?}");
    open();
    let output = bare(&["ls"]).await;
    assert!(output.status.success() && said(&output).contains("others can read"), "{output:?}");
    assert!(bare(&["config"]).await.status.success());
    assert_eq!(mode(&path), 0o600);
    // What is wrong in it may be the secret.
    std::fs::write(&path, format!("secret = {}", stack.dev.api_secret)).unwrap();
    let output = bare(&["ls"]).await;
    assert!(output.status.code() == Some(2) && said(&output).contains("line 1") && !said(&output).contains(&stack.dev.api_secret), "{output:?}");
}
