//! The machine with its LED, without its threads: what comes in is an argument, and so is the time.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use domain::clock::Moment;
use domain::indicator::{Active, Indicator, Level};
use domain::panel::{Effect, Event, Panel};
use domain::time::Uptime;
use embedded_hal::digital::OutputPin;

use super::Input;
use super::led::Led;
use super::link::{Heard, Job};
use super::night;
use super::reset::Reset;

/// The longest sleep, for a night that begins.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

pub(super) struct Runner<P> {
    panel: Panel,
    led: Led<P>,
    night: night::Watch,
    jobs: SyncSender<Job>,
    reset: Reset,
    /// Everything is being erased: the LED is lit until the box goes down.
    erasing: bool,
    /// When the key that acts as the button is let go.
    release: Option<Uptime>,
    /// What the server knows of the panel's own states.
    told: Active,
    dark: bool,
}

impl<P: OutputPin> Runner<P> {
    /// With the button as it was found, and when.
    pub(super) fn new(
        led: Led<P>,
        night: night::Watch,
        jobs: SyncSender<Job>,
        reset: Reset,
        found: (bool, Uptime),
    ) -> Self {
        let panel = Panel::new(found.0, found.1);
        Self { panel, led, night, jobs, reset, erasing: false, release: None, told: Active::NONE, dark: false }
    }

    pub(super) fn showing(&self) -> Indicator {
        self.panel.showing()
    }

    /// What the panel itself found to be wrong.
    pub(super) fn found(&mut self, active: Active) {
        self.step(Event::Found(active), Uptime::default());
    }

    /// How long it may sleep.
    pub(super) fn wait(&self, now: Uptime) -> Duration {
        let (_, change) = self.panel.light(now, self.dark);
        let next = [self.panel.due(), change, self.release].into_iter().flatten().min();
        next.map_or(LONGEST_SLEEP, |next| next.since(now)).min(LONGEST_SLEEP)
    }

    /// What comes of an input, or of the time alone; the state that is shown from now on, if it is another.
    pub(super) fn turn(&mut self, input: Option<&Input>, moment: &Moment) -> Option<Indicator> {
        let before = self.panel.showing();
        let now = moment.uptime;
        if let Some(release) = self.release.filter(|release| *release <= now) {
            self.release = None;
            self.step(Event::Released, release);
        }
        match input {
            Some(Input::Button { event, at }) => self.step(*event, *at),
            Some(Input::Hold(length)) => self.hold(*length, now),
            Some(Input::Heard(heard)) => self.heard(heard, now),
            Some(Input::Silent) => self.step(Event::Silent, now),
            Some(Input::Broken(_) | Input::Stop) | None => self.step(Event::Tick, now),
        }
        self.tell();
        self.dark = self.night.dark(moment);
        self.led.show(if self.erasing { Level::On } else { self.panel.light(now, self.dark).0 });
        let after = self.panel.showing();
        (after != before).then_some(after)
    }

    /// The panel ends.
    pub(super) fn dark(&mut self) {
        self.led.show(Level::Off);
    }

    fn hold(&mut self, length: Duration, now: Uptime) {
        if self.release.is_none() {
            self.release = Some(now + length);
            self.step(Event::Pressed, now);
        }
    }

    fn heard(&mut self, heard: &Heard, now: Uptime) {
        self.told = heard.told;
        self.step(Event::Server(heard.report), now);
    }

    fn step(&mut self, event: Event, now: Uptime) {
        let (panel, effects) = self.panel.clone().step(event, now);
        self.panel = panel;
        for effect in effects {
            self.act(effect);
        }
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::OpenClaimWindow => self.job(Job::OpenClaimWindow),
            Effect::OpenRecoveryWindow => self.job(Job::OpenRecoveryWindow),
            Effect::RefuseRecoveryWindow => {
                tracing::warn!("three recovery windows within an hour are enough; try again later");
            }
            Effect::Confirm => tracing::info!("the button was tapped"),
            Effect::ArmReset => tracing::warn!("reset is armed for ten seconds"),
            Effect::BeginCountdown => {
                tracing::warn!("everything is erased in ten seconds; a tap of the button stops it")
            }
            Effect::CancelReset => tracing::info!("nothing is erased"),
            Effect::FactoryReset => self.erasing = self.reset.request(),
        }
    }

    /// Tells the server what only the panel knows, when that changed or the server forgot.
    fn tell(&mut self) {
        let own = self.panel.own();
        if own != self.told && self.jobs.try_send(Job::Tell(own)).is_ok() {
            self.told = own;
        }
    }

    fn job(&self, job: Job) {
        if self.jobs.try_send(job).is_err() {
            tracing::warn!("the server does not answer; press again later");
        }
    }
}

#[cfg(test)]
mod tests;
