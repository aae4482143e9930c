//! Transcripts: requests of several clients, and what each of them hears, as text.
