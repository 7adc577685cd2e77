//! What an account uses: storage, bandwidth, files and open uploads.

mod bandwidth;
mod counts;
mod metering;
mod storage;
