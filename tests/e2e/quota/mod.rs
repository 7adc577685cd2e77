//! What an account uses: storage and bandwidth.

mod bandwidth;
mod storage;
