//! The tools and how each is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::tus;
use crate::lab::Lab;

/// A tool that sends a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// One PUT by curl.
    Put,
    /// aws-cli as it comes.
    Aws,
    /// rclone as it comes.
    Rclone,
    /// rclone with 16 parts of 8 MiB in flight.
    RcloneTuned,
    /// s5cmd as it comes.
    S5cmd,
    /// s5cmd with 32 parts of 8 MiB in flight.
    S5cmdTuned,
    /// tus-js-client as it comes, to a tus server.
    Tus,
    /// The product.
    Jetty,
}

impl Tool {
    /// Those that are there, the product last.
    pub fn installed() -> Vec<Tool> {
        use Tool::{Aws, Jetty, Put, Rclone, RcloneTuned, S5cmd, S5cmdTuned, Tus};
        let all = [Put, Aws, Rclone, RcloneTuned, S5cmd, S5cmdTuned, Tus, Jetty];
        all.into_iter().filter(|tool| found(tool.program()) && (*tool != Tus || tus::is_installed())).collect()
    }

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Put => "one PUT",
            Tool::Aws => "aws-cli",
            Tool::Rclone => "rclone",
            Tool::RcloneTuned => "rclone tuned",
            Tool::S5cmd => "s5cmd",
            Tool::S5cmdTuned => "s5cmd tuned",
            Tool::Tus => "tus-js-client",
            Tool::Jetty => "jetty",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Tool::Put => "curl",
            Tool::Aws => "aws",
            Tool::Rclone | Tool::RcloneTuned => "rclone",
            Tool::S5cmd | Tool::S5cmdTuned => "s5cmd",
            Tool::Tus => "node",
            Tool::Jetty => "jetty",
        }
    }

    /// Sends `file`; to the store as `key`.
    pub fn send(self, lab: &Lab, file: &Path, key: &str) -> Command {
        let mut command = lab.command(self.program());
        let origin = &lab.access.origin;
        let (endpoint, bucket) = (&origin.endpoint, &origin.bucket);
        match self {
            Tool::Put => {
                let user = format!("{}:{}", origin.access_key_id, origin.secret_access_key);
                command.args(["--silent", "--show-error", "--fail", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", &user]);
                command
                    .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--upload-file"])
                    .arg(file)
                    .arg(format!("{endpoint}/{bucket}/{key}"));
            }
            Tool::Aws => {
                command.args(["s3", "cp", "--no-progress"]).arg(file).arg(format!("s3://{bucket}/{key}"));
            }
            Tool::Rclone | Tool::RcloneTuned => {
                command.args(["copyto", "--config", "/dev/null", "--s3-no-check-bucket"]);
                if self == Tool::RcloneTuned {
                    command.args(["--s3-upload-cutoff", "8M", "--s3-chunk-size", "8M", "--s3-upload-concurrency", "16"]);
                }
                command.arg(file).arg(remote(lab, key));
            }
            Tool::S5cmd | Tool::S5cmdTuned => {
                command.args(["--endpoint-url", endpoint, "cp"]);
                if self == Tool::S5cmdTuned {
                    command.args(["--concurrency", "32", "--part-size", "8"]);
                }
                command.arg(file).arg(format!("s3://{bucket}/{key}"));
            }
            Tool::Tus => {
                command.arg(tus::script("client.mjs")).arg(tus::url()).arg(file);
            }
            // Nobody else waits until the stored bytes have been read again.
            Tool::Jetty => {
                command.args(["upload", "--no-verify"]).arg(file);
            }
        }
        command
    }

    /// Sends all files of `folder`; None: it has no such command worth measuring.
    pub fn send_all(self, lab: &Lab, folder: &Path) -> Option<Command> {
        let origin = &lab.access.origin;
        let mut command = lab.command(self.program());
        match self {
            Tool::Aws => {
                command.args(["s3", "cp", "--no-progress", "--recursive"]).arg(folder).arg(format!("s3://{}/many-aws/", origin.bucket));
            }
            Tool::RcloneTuned => {
                command.args(["copy", "--config", "/dev/null", "--s3-no-check-bucket", "--transfers", "32", "--no-traverse"]).arg(folder);
                command.arg(remote(lab, "many-rclone"));
            }
            Tool::S5cmd => {
                let from = format!("{}/", folder.display());
                command.args(["--endpoint-url", &origin.endpoint, "cp", &from, &format!("s3://{}/many-s5cmd/", origin.bucket)]);
            }
            Tool::Jetty => {
                let script = "find \"$0\" -type f -print0 | xargs -0 jetty upload --no-verify >/dev/null";
                command = lab.command("sh");
                command.args(["-c", script]).arg(folder);
            }
            Tool::Put | Tool::Rclone | Tool::S5cmdTuned | Tool::Tus => return None,
        }
        Some(command)
    }
}

fn remote(lab: &Lab, key: &str) -> String {
    let origin = &lab.access.origin;
    format!(":s3,provider=Other,env_auth=true,force_path_style=true,endpoint='{}':{}/{key}", origin.endpoint, origin.bucket)
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).any(|path: PathBuf| path.is_file())
}
