// SPDX-License-Identifier: Apache-2.0
//! A test plugin on the Rust framework: it "wraps" a file key by XOR 0x55. It protects nothing.
use age_core::{format::{FileKey, Stanza}, secrecy::ExposeSecret};
use age_plugin::{identity::{self, IdentityPluginV1}, recipient::{self, RecipientPluginV1}, run_state_machine, Callbacks, PluginHandler};
use std::{collections::{HashMap, HashSet}, io};

struct Handler;
struct Wrap(usize);
struct Unwrap;

impl PluginHandler for Handler {
    type RecipientV1 = Wrap;
    type IdentityV1 = Unwrap;
    fn recipient_v1(self) -> io::Result<Wrap> { Ok(Wrap(0)) }
    fn identity_v1(self) -> io::Result<Unwrap> { Ok(Unwrap) }
}

fn xor(bytes: &[u8]) -> Vec<u8> { bytes.iter().map(|b| b ^ 0x55).collect() }

impl RecipientPluginV1 for Wrap {
    fn add_recipient(&mut self, _: usize, _: &str, _: &[u8]) -> Result<(), recipient::Error> { self.0 += 1; Ok(()) }
    fn add_identity(&mut self, _: usize, _: &str, _: &[u8]) -> Result<(), recipient::Error> { self.0 += 1; Ok(()) }
    fn labels(&mut self) -> HashSet<String> { HashSet::new() }
    fn wrap_file_keys(&mut self, keys: Vec<FileKey>, _: impl Callbacks<recipient::Error>) -> io::Result<Result<Vec<Vec<Stanza>>, Vec<recipient::Error>>> {
        let stanza = |k: &FileKey| Stanza { tag: "xor".into(), args: vec!["x".into()], body: xor(k.expose_secret()) };
        Ok(Ok(keys.iter().map(|k| (0..self.0).map(|_| stanza(k)).collect()).collect()))
    }
}

impl IdentityPluginV1 for Unwrap {
    fn add_identity(&mut self, _: usize, _: &str, _: &[u8]) -> Result<(), identity::Error> { Ok(()) }
    fn unwrap_file_keys(&mut self, files: Vec<Vec<Stanza>>, mut ui: impl Callbacks<identity::Error>) -> io::Result<HashMap<usize, Result<FileKey, Vec<identity::Error>>>> {
        let mut out = HashMap::new();
        for (n, stanzas) in files.into_iter().enumerate() {
            if let Some(s) = stanzas.iter().find(|s| s.tag == "xor" && s.body.len() == 16) {
                let _ = ui.message("XOR is at work")?;
                out.insert(n, Ok(FileKey::init_with_mut(|k| k.copy_from_slice(&xor(&s.body)))));
            }
        }
        Ok(out)
    }
}

fn main() -> io::Result<()> {
    let machine = std::env::args().find_map(|a| a.strip_prefix("--age-plugin=").map(String::from)).unwrap_or_default();
    run_state_machine(&machine, Handler)
}
