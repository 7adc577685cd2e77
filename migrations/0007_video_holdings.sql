-- Index for listing the video files of an account, page by page.
CREATE INDEX video_files_holdings ON video_files (account_id, id);
DROP INDEX video_files_by_account;
