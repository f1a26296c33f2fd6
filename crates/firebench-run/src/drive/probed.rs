//! When a contender has answered, on each layer.

use std::fmt;
use std::io::ErrorKind;

/// Seconds from the start of the launch to the first answer on each layer, as far as there is one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Probed {
    /// Of ARP, where there is a card.
    pub arp: Option<f64>,
    /// To an echo request of ICMP, where there is a card.
    pub icmp: Option<f64>,
    /// Of TCP: a connection.
    pub tcp: Option<f64>,
    /// Of HTTP: the status 200 and the right body.
    pub http: Option<f64>,
    /// Why the last try to connect came to nothing.
    pub(super) refused: Option<ErrorKind>,
}

impl Probed {
    /// As metrics.
    pub(super) fn values(&self) -> Vec<(&'static str, f64)> {
        self.layers().into_iter().filter_map(|(name, seconds)| Some((name, seconds?))).collect()
    }

    fn layers(&self) -> [(&'static str, Option<f64>); 4] {
        [("arp", self.arp), ("icmp", self.icmp), ("tcp", self.tcp), ("http", self.http)]
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self
            .layers()
            .into_iter()
            .filter_map(|(name, seconds)| Some(format!("{} after {:.3} s", name.to_ascii_uppercase(), seconds?)));
        match told.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => f.write_str("nothing answered in its network")?,
            told => write!(f, "in its network answered {told}")?,
        }
        match self.refused.filter(|_| self.tcp.is_none()) {
            Some(kind) => write!(f, "; the last connection: {kind}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_answered_is_told() {
        assert_eq!(Probed::default().to_string(), "nothing answered in its network");
        let some = Probed {
            arp: Some(0.8),
            icmp: Some(0.9014),
            refused: Some(ErrorKind::ConnectionRefused),
            ..Probed::default()
        };
        assert_eq!(
            some.to_string(),
            "in its network answered ARP after 0.800 s, ICMP after 0.901 s; the last connection: connection refused"
        );
        let all = Probed { tcp: Some(1.0), http: Some(1.001), ..some };
        assert!(all.to_string().ends_with("TCP after 1.000 s, HTTP after 1.001 s"), "{all}");
        assert_eq!(all.values().len(), 4);
    }
}
