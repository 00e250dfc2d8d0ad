//! Mixed traffic with faults for a long time: does the proxy grow, and is any answer
//! lost or mixed up?
//!
//! `cargo bench --bench soak` runs for half an hour. Each answer belongs to a number
//! that the client checks. The daemon is killed and started again, and stopped and
//! continued; clients reset connections and read slowly. From time to time all clients
//! leave, and the proxy's memory, descriptors and threads are compared with those of
//! the first such rest. A wrong or lost answer or growth makes the exit code 1.

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod content;
mod daemon;
mod world;

use argh::FromArgs;
use clients::{CROWD, Habit};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use support::Result;
use support::address::Address;
use support::process::{Process, raise_descriptor_limit};
use support::rest::AtRest;
use world::{Seen, World};

/// How much a process may grow from the first rest to the last: an allocator finds its
/// size within some minutes.
const GROWTH_BYTES_MAX: u64 = 1024 * 1024;
/// Between two faults.
const BETWEEN_FAULTS: Duration = Duration::from_secs(7);
/// How long a daemon is stopped.
const STOPPED: Duration = Duration::from_secs(2);

/// Runs mixed traffic with faults for a long time.
#[derive(FromArgs)]
struct Arguments {
    /// seconds of traffic
    #[argh(option, default = "1800")]
    seconds: u64,
    /// seconds between two rests
    #[argh(option, default = "150")]
    between_rests: u64,
    /// only clients whose habit's name contains this
    #[argh(option, default = "String::new()")]
    only: String,
    /// the proxy's binary, if not the one that cargo has just built
    #[argh(option, default = "env!(\"CARGO_BIN_EXE_socket-proxy\").into()")]
    proxy: PathBuf,
    /// said by `cargo bench`; without it nothing is run
    #[argh(switch)]
    bench: bool,
}

fn main() -> Result<()> {
    if let [_, role, socket] = std::env::args().collect::<Vec<_>>().as_slice()
        && role == "numbered"
    {
        return daemon::run(socket.as_ref());
    }
    let arguments: Arguments = argh::from_env();
    if !arguments.bench {
        println!("nothing is run without --bench");
        return Ok(());
    }
    raise_descriptor_limit()?;
    let directory = std::env::temp_dir().join(format!("proxy-soak-{}", std::process::id()));
    fs::create_dir(&directory)?;
    let outcome = soak(&arguments, &directory.join("daemon.sock"));
    fs::remove_dir_all(&directory)?;
    outcome
}

fn soak(arguments: &Arguments, socket: &Path) -> Result<()> {
    let mut daemon = start_daemon(socket)?;
    let port = Address::unused()?;
    let address = Address::Tcp(port);
    let mut command = Command::new(&arguments.proxy);
    command.arg(format!("-proxyport={}", port.port())).args(["-loglevel=error", "-allow=all"]);
    command.arg(format!("-socketpath={}", socket.display()));
    let proxy = Process::start(&mut command, &address)?;
    let world = &World::new(address);
    let rests = thread::scope(|scope| {
        for (habit, count) in crowd(arguments) {
            for _ in 0..count {
                scope.spawn(move || habit.live(world));
            }
        }
        let rests = watch(arguments, world, &proxy, &mut daemon, socket);
        world.end();
        rests
    })?;
    report(arguments, world.seen(), &rests)
}

/// The clients that take part.
fn crowd(arguments: &Arguments) -> impl Iterator<Item = (Habit, usize)> {
    CROWD.into_iter().filter(|(habit, _)| format!("{habit:?}").contains(&arguments.only))
}

fn start_daemon(socket: &Path) -> Result<Process> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let mut command = Command::new(std::env::current_exe()?);
    Process::start(command.arg("numbered").arg(socket), &Address::Unix(socket.to_owned()))
}

/// Makes faults and looks at the proxy at rest, for the whole time.
fn watch(
    arguments: &Arguments,
    world: &World,
    proxy: &Process,
    daemon: &mut Process,
    socket: &Path,
) -> Result<Vec<AtRest>> {
    let mut rests = Vec::new();
    let mut faults = [true, false].into_iter().cycle();
    for _ in 0..arguments.seconds.div_ceil(arguments.between_rests.max(1)) {
        let next = Instant::now() + Duration::from_secs(arguments.between_rests);
        while Instant::now() + BETWEEN_FAULTS + STOPPED <= next {
            thread::sleep(BETWEEN_FAULTS);
            match faults.next() {
                Some(true) => *daemon = world.fault(|| restart(daemon, socket))?,
                _ => world.fault(|| stop_and_continue(daemon))?,
            }
        }
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let rest = world.rest(|| AtRest::of(proxy))??;
        println!(
            "at rest: {} KiB, {} descriptors, {} threads",
            rest.bytes / 1024,
            rest.descriptors,
            rest.threads
        );
        rests.push(rest);
    }
    Ok(rests)
}

fn restart(daemon: &Process, socket: &Path) -> Result<Process> {
    kill_process(pid(daemon)?, Signal::KILL)?;
    start_daemon(socket)
}

fn stop_and_continue(daemon: &Process) -> Result<()> {
    kill_process(pid(daemon)?, Signal::STOP)?;
    thread::sleep(STOPPED);
    Ok(kill_process(pid(daemon)?, Signal::CONT)?)
}

fn pid(process: &Process) -> Result<Pid> {
    Pid::from_raw(i32::try_from(process.id())?).ok_or_else(|| "no process".into())
}

fn report(arguments: &Arguments, seen: Seen, rests: &[AtRest]) -> Result<()> {
    for (habit, count) in &seen.done {
        println!("{count:>10}  {habit}");
    }
    println!("{:>10}  cut by a fault of the daemon", seen.excused);
    for failure in &seen.failures {
        println!("FAILED: {failure}");
    }
    let [first, .., last] = rests else {
        return Err("growth takes two rests to be seen".into());
    };
    if seen.failed > 0 {
        return Err(format!("{} answers were wrong or lost", seen.failed).into());
    }
    if let Some((habit, _)) =
        crowd(arguments).find(|(habit, _)| !seen.done.contains_key(&format!("{habit:?}")))
    {
        return Err(format!("{habit:?} has done nothing").into());
    }
    if first.has_grown(last, GROWTH_BYTES_MAX) {
        return Err(format!("grew from {first:?} to {last:?}").into());
    }
    Ok(())
}
