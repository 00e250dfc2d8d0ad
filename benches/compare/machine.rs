//! The facts about the machine and the programs that the results depend on; no
//! names of hosts, people or directories.

use crate::support::Result;
use crate::support::peers::{find, original};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Lines of a Markdown list.
pub(crate) fn describe(proxy: &Path) -> Result<String> {
    let mut text = format!("- {}\n- {}\n", processors()?, kernel()?);
    text += &format!("- socket-proxy {}, {} linked\n", env!("CARGO_PKG_VERSION"), linkage(proxy)?);
    for (program, flag) in [("haproxy", "-v"), ("nginx", "-v")] {
        if let Some(version) = version(program, flag) {
            text += &format!("- {version}\n");
        }
    }
    if let Some(version) = original_version() {
        text += &format!("- original: {version}\n");
    }
    Ok(text)
}

/// The version in the first line that the original prints, before it exits for
/// lack of a daemon.
fn original_version() -> Option<String> {
    let mut command = Command::new(original()?);
    let output = command.arg("-socketpath=/nonexistent").output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = said.lines().next()?.split(' ');
    let words = words.filter(|word| word.starts_with("version=") || word.starts_with("runtime="));
    Some(words.collect::<Vec<_>>().join(", "))
}

fn processors() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = std::thread::available_parallelism()?;
    let virtual_machine = if info.contains("hypervisor") { ", virtual machine" } else { "" };
    let model = model.trim_start_matches([' ', '\t', ':']);
    Ok(format!("{cores} cores, {model} ({}){virtual_machine}", std::env::consts::ARCH))
}

fn kernel() -> Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!("Linux {}", release.split('-').next().unwrap_or_default().trim()))
}

/// Whether the binary needs libraries; a static one needs less memory.
fn linkage(binary: &Path) -> Result<&'static str> {
    // A program with an interpreter (the dynamic linker) names it near its start.
    let start: Vec<u8> = fs::read(binary)?.into_iter().take(4096).collect();
    let dynamic = start.windows(7).any(|window| window == b"/ld-lin" || window == b"/ld-mus");
    Ok(if dynamic { "dynamically" } else { "statically" })
}

fn version(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(find(program).ok()?).arg(flag).output().ok()?;
    // nginx prints its version to standard error.
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).lines().next()?.split(" - ").next()?.to_owned())
}
