//! Memory: the limit of the service, and what many people at once come to.

use std::time::{Duration, Instant};

use crate::failure::{Outcome, ensure};
use crate::home::Home;
use crate::web;

const LIMIT: &str = "67108864";
const AT_ONCE: usize = 64;
/// As a shell counts what was killed.
const KILLED: i32 = 137;
const GREEDY: &str = "tail /dev/zero";

pub(crate) fn enforced(home: &mut Home) -> Outcome {
    home.serving()?;
    home.is_well()?;
    let controllers = home.root("cat /sys/fs/cgroup/cgroup.controllers")?;
    ensure(controllers.split(' ').any(|name| name == "memory"), || format!("the kernel controls only {controllers}"))?;
    let group = home.root("echo /sys/fs/cgroup$(systemctl show -p ControlGroup --value latchkey)")?;
    let most = home.root(&format!("cat {group}/memory.max {group}/memory.swap.max"))?;
    ensure(most == format!("{LIMIT}\n0"), || format!("the limits of the service are {most:?}"))?;
    // A stranger with the same limit first, then a greedy process among the service's own.
    let limit = home.limit.at_most(Duration::from_secs(90));
    let stranger = "systemd-run --quiet --collect --wait -p MemoryMax=64M -p MemorySwapMax=0";
    let stranger = home.rig.shell()?.ask(&format!("{stranger} {GREEDY}"), limit)?;
    ensure(stranger.status != 0, || "a process with that limit was not stopped".to_owned())?;
    let inside = home.rig.shell()?.ask(&format!("sh -c 'echo $$ > {group}/cgroup.procs && exec {GREEDY}'"), limit)?;
    ensure(inside.status == KILLED, || {
        format!("a greedy process in the service's group ended with {}", inside.status)
    })?;
    home.note("a stranger with the same limit and a greedy process in the service's own group were both killed");
    // Whatever it took along comes back by itself.
    home.serves_again("the service to serve after a greedy process in its group")
}

pub(crate) fn sign_ins(home: &mut Home) -> Outcome {
    home.claimed()?;
    home.is_well()?;
    let restarts = home.root("systemctl show -p NRestarts -p MainPID latchkey")?;
    let forms: Vec<String> =
        (0..AT_ONCE).map(|n| format!("username=guest{n}&password=otter+lantern+sixty+moss{n}&next=")).collect();
    let (at, scratch) = (home.https()?, home.folder.join("flood"));
    let began = Instant::now();
    let limit = home.limit.at_most(Duration::from_secs(150));
    let answers = web::flood(at, "/signin/password", &forms, &scratch, limit)?;
    let count = |holds: &dyn Fn(&web::Answer) -> bool| answers.iter().filter(|answer| holds(answer)).count();
    let served = count(&|answer| matches!(answer.status, 200 | 303 | 403));
    let wait = count(&|answer| matches!(answer.status, 429 | 503) && answer.wait.is_some());
    // One address has at most 32 connections at a time, and here all of them come from one.
    let at_the_door = count(&|answer| answer.status == 0);
    home.note(format!(
        "of {AT_ONCE} in {:.0} s: {served} served, {wait} told to wait, {at_the_door} turned away at the door of one address",
        began.elapsed().as_secs_f64()
    ));
    ensure(served + wait + at_the_door == AT_ONCE && served > 0 && at_the_door <= AT_ONCE / 2, || {
        format!("{answers:?}")
    })?;
    let after = home.root("systemctl show -p NRestarts -p MainPID latchkey")?;
    ensure(restarts == after, || format!("the service was started anew: {restarts:?} became {after:?}"))?;
    let peak = home.root("cat /sys/fs/cgroup$(systemctl show -p ControlGroup --value latchkey)/memory.peak")?;
    home.note(format!(
        "most memory of the service since it started: {} MiB of 64",
        peak.parse::<u64>().unwrap_or(0) >> 20
    ));
    home.serves_again("the service to serve after that")
}
