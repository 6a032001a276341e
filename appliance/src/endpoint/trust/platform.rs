//! Which steps to show first. A guess by what the browser says of itself; every page offers the others too.

/// For what there are steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// iPhone and iPad.
    Iphone,
    /// Phones and tablets with Android.
    Android,
    /// Windows, for all browsers but Firefox.
    Windows,
    /// macOS, for all browsers but Firefox.
    Mac,
    /// Linux, for Chromium and for programs.
    Linux,
    /// Chromebooks.
    Chromebook,
    /// Firefox on a computer: it has a store of its own.
    Firefox,
}

impl Platform {
    /// Every one, in the order of the tabs.
    pub(crate) const ALL: [Self; 7] =
        [Self::Iphone, Self::Android, Self::Windows, Self::Mac, Self::Linux, Self::Chromebook, Self::Firefox];

    /// What it is called in the address of the page.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Iphone => "iphone",
            Self::Android => "android",
            Self::Windows => "windows",
            Self::Mac => "mac",
            Self::Linux => "linux",
            Self::Chromebook => "chromebook",
            Self::Firefox => "firefox",
        }
    }

    /// By its name in the address.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.as_str() == name)
    }

    /// By what the browser says of itself; `None` when that tells nothing. Browsers on iPhones and on Android trust what the
    /// system trusts, or can be told to, so the system comes first there.
    pub(crate) fn guess(user_agent: &str) -> Option<Self> {
        let says = |word: &str| user_agent.contains(word);
        if says("iPhone") || says("iPad") || says("iPod") {
            Some(Self::Iphone)
        } else if says("Android") {
            Some(Self::Android)
        } else if says("Firefox/") {
            Some(Self::Firefox)
        } else if says("CrOS") {
            Some(Self::Chromebook)
        } else if says("Windows") {
            Some(Self::Windows)
        } else if says("Macintosh") {
            Some(Self::Mac)
        } else if says("Linux") || says("X11") {
            Some(Self::Linux)
        } else {
            None
        }
    }
}

/// Which browser of Android has steps of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AndroidBrowser {
    /// It has a setting for whether it trusts what Android trusts.
    Firefox,
    /// It trusts what Android trusts.
    Other,
}

impl AndroidBrowser {
    /// By what the browser says of itself.
    pub(crate) fn guess(user_agent: &str) -> Self {
        if user_agent.contains("Firefox/") { Self::Firefox } else { Self::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_browser_is_told_apart() {
        for (user_agent, platform) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1",
                Some(Platform::Iphone),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 FxiOS/130.0 Mobile/15E148 Safari/605.1.15",
                Some(Platform::Iphone),
            ),
            ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15", Some(Platform::Iphone)),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36",
                Some(Platform::Android),
            ),
            ("Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", Some(Platform::Android)),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                Some(Platform::Windows),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Some(Platform::Firefox),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
                Some(Platform::Mac),
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
                Some(Platform::Chromebook),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
                Some(Platform::Linux),
            ),
            ("curl/8.0", None),
            ("", None),
        ] {
            assert_eq!(Platform::guess(user_agent), platform, "{user_agent}");
        }
    }

    #[test]
    fn each_has_a_name_that_finds_it_again() {
        for platform in Platform::ALL {
            assert_eq!(Platform::named(platform.as_str()), Some(platform));
        }
        assert_eq!(Platform::named("beos"), None);
    }
}
