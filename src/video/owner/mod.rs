//! Whose a video is: the account that was first to store a file of it, until its last file is gone (docs/video.md, "Whose a video is").

pub mod repository;
