//! D1: round trips per action, look-ups of videos, several databases.

mod moving;
mod round_trips;
mod shards;
mod video_lookups;
