//! `[panel]`: the LED and the button of the board.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// The kernel's names of lines are shorter than this.
const LONGEST_NAME: usize = 31;
/// In seconds: a line that has not come by then does not come.
const LONGEST_WAIT: u16 = 600;

/// LED and button. A board without either works.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Panel {
    /// The name of the LED's line; empty for a board without one.
    #[serde(deserialize_with = "line_name")]
    pub led: String,
    /// The name of the button's line; empty for a board without one.
    #[serde(deserialize_with = "line_name")]
    pub button: String,
    /// Whether the LED lights when the line is low.
    pub led_active_low: bool,
    /// Whether the button pulls the line low, as it does between the pin and ground.
    pub button_active_low: bool,
    /// When the LED of a healthy box is dark.
    pub night: Night,
    /// How many seconds at most the panel waits for its lines when it starts: those of some boards come with a kernel module.
    #[serde(deserialize_with = "patience")]
    pub lines_within: u16,
    /// The file that asks for a factory reset when the button does; without it nothing is erased.
    pub reset_request: Option<PathBuf>,
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            led: "GPIO17".to_owned(),
            button: "GPIO27".to_owned(),
            led_active_low: false,
            button_active_low: true,
            night: Night::Never,
            lines_within: 0,
            reset_request: None,
        }
    }
}

fn line_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.len() > LONGEST_NAME || !name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        let text = format!("{name:?} is no name of a line, such as GPIO17; `gpioinfo` lists them");
        return Err(serde::de::Error::custom(text));
    }
    Ok(name)
}

fn patience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let seconds = u16::deserialize(deserializer)?;
    if seconds > LONGEST_WAIT {
        return Err(serde::de::Error::custom(format!("lines_within is at most {LONGEST_WAIT} seconds")));
    }
    Ok(seconds)
}

/// When the LED of a healthy box is dark but for a sign of life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Night {
    /// Never.
    #[default]
    Never,
    /// Always, as in a bedroom.
    Always,
    /// From one time of day to another, in minutes since midnight of the box's time zone.
    Hours {
        /// The first dark minute.
        from: u16,
        /// The first minute that is not dark any more.
        to: u16,
    },
}

impl Night {
    /// Whether it is dark in that minute of the day.
    pub const fn covers(self, minute: u16) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Hours { from, to } if from <= to => from <= minute && minute < to,
            Self::Hours { from, to } => from <= minute || minute < to,
        }
    }
}

/// A text that names no hours.
#[derive(Debug)]
pub struct NotHours;

impl fmt::Display for NotHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("night is \"never\", \"always\" or hours such as \"22:00-07:00\"")
    }
}

impl FromStr for Night {
    type Err = NotHours;

    fn from_str(raw: &str) -> Result<Self, NotHours> {
        match raw {
            "never" => Ok(Self::Never),
            "always" => Ok(Self::Always),
            hours => {
                let (from, to) = hours.split_once('-').ok_or(NotHours)?;
                let (from, to) = (minute(from)?, minute(to)?);
                if from == to { Err(NotHours) } else { Ok(Self::Hours { from, to }) }
            }
        }
    }
}

fn minute(raw: &str) -> Result<u16, NotHours> {
    let two_digits = |part: &str, below: u16| {
        let good = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|number| good && *number < below).ok_or(NotHours)
    };
    let (hour, minute) = raw.split_once(':').ok_or(NotHours)?;
    Ok(two_digits(hour, 24)? * 60 + two_digits(minute, 60)?)
}

impl<'de> Deserialize<'de> for Night {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(text: &str) -> Result<Panel, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_is_the_wiring_of_the_guide() {
        let usual = panel("").unwrap();
        assert_eq!((usual.led.as_str(), usual.button.as_str()), ("GPIO17", "GPIO27"));
        assert!(usual.button_active_low && !usual.led_active_low);
        assert_eq!((usual.night, usual.lines_within), (Night::Never, 0));
    }

    #[test]
    fn pins_polarity_and_night_can_be_changed() {
        let other = panel("led = \"GPIO5\"\nbutton = \"\"\nled_active_low = true\nnight = \"22:30-06:00\"\nlines_within = 60\nreset_request = \"/run/reset\"").unwrap();
        assert_eq!((other.led.as_str(), other.button.as_str(), other.led_active_low), ("GPIO5", "", true));
        assert_eq!((other.night, other.lines_within), (Night::Hours { from: 1350, to: 360 }, 60));
        assert_eq!(other.reset_request, Some("/run/reset".into()));
    }

    #[test]
    fn wrong_values_are_refused() {
        for bad in [
            "led = 17",
            "led = \"a-name-that-is-longer-than-the-kernel-has\"",
            "led = \"GPIO\\n17\"",
            "lamp = \"GPIO17\"",
            "night = \"22-7\"",
            "night = \"24:00-07:00\"",
            "night = \"+2:00-07:00\"",
            "night = \"07:00-07:00\"",
            "night = true",
            "lines_within = 601",
            "lines_within = -1",
            "reset_request = 1",
        ] {
            assert!(panel(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_night_may_go_past_midnight() {
        let night: Night = "22:00-07:00".parse().unwrap();
        assert!(night.covers(1320) && night.covers(0) && night.covers(419));
        assert!(!night.covers(420) && !night.covers(1319));
        let nap: Night = "13:00-14:00".parse().unwrap();
        assert!(nap.covers(780) && !nap.covers(840) && !nap.covers(779));
    }
}
