//! What time strangers say it is: SNTP, asked of a few servers in the background.
//!
//! One request of 48 bytes is sent to each server in a round, with a random number where the time
//! of sending would stand: the server gives it back, so that nobody who has not seen the request
//! can answer it, and nobody learns what this clock says. What a server says is off by at most half
//! of the time it took; answers that took too long say nothing.
//!
//! Whom to believe, and what that means for timestamps, is `ca::timestamp`'s. The servers are not
//! authenticated: whoever can change what goes over the network can stop timestamps, which is what
//! disagreement does, and can vouch for a wrong clock only as a majority of them.
//!
//! Spec: RFC 5905 (the packet, section 7.3), RFC 4330 (what a client checks, section 5).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ca::timestamp::Quorum;
use sigstore::UnixMillis;
use thiserror::Error;
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::wall_clock;

/// How far a server may be from this clock and still agree: what a timestamp states as its
/// accuracy.
const OFFSET_MAX: Duration = Duration::from_secs(1);

/// How long an agreement is good for: time to bring a network back.
const SILENCE_MAX: Duration = Duration::from_hours(1);

/// Between two rounds: what public servers are content with.
const ROUND_INTERVAL: Duration = Duration::from_secs(64);

/// Between two rounds as long as nothing is known.
const FIRST_INTERVAL: Duration = Duration::from_secs(8);

/// How long a server has to answer, its name to be found included.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);

/// An answer on its way for longer says too little: half of it is how far off it may be.
const DELAY_MS_MAX: i64 = 1000;

/// The port of a server that is named without one.
const PORT: u16 = 123;

const PACKET_LEN_BYTES: usize = 48;

/// What more than half of the servers must say for timestamps to be given.
pub(crate) fn quorum(server_count: usize) -> Quorum {
    Quorum {
        agree_min: server_count / 2 + 1,
        offset_max: OFFSET_MAX,
        silence_max: SILENCE_MAX,
    }
}

/// Asks the servers until this server stops, and tells `hear` what each round brought: by how many
/// milliseconds each of them is ahead of this clock, `None` for one that said nothing of use.
pub(crate) async fn follow(
    servers: &[String],
    hear: impl Fn(&[Option<i64>]),
    mut stopped: watch::Receiver<bool>,
) {
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(pause) => {}
        }
        let offsets = round(servers, ANSWER_TIME_MAX).await;
        let answered = offsets.iter().flatten().count();
        pause = if answered >= quorum(servers.len()).agree_min {
            ROUND_INTERVAL
        } else {
            FIRST_INTERVAL
        };
        hear(&offsets);
    }
}

/// Asks each server once, all at the same time.
async fn round(servers: &[String], time_max: Duration) -> Vec<Option<i64>> {
    let mut asking = JoinSet::new();
    for server in servers {
        let server = server.clone();
        asking.spawn(async move {
            let asked = tokio::time::timeout(time_max, ask(&server)).await;
            match asked.unwrap_or(Err(NtpError::Silent)) {
                Ok(offset_ms) => Some(offset_ms),
                Err(error) => {
                    tracing::warn!(%error, server, "a time server said nothing of use");
                    None
                }
            }
        });
    }
    asking.join_all().await
}

/// How far ahead of this clock a server is, in milliseconds.
async fn ask(server: &str) -> Result<i64, NtpError> {
    let address = address_of(server).await?;
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    // From here on the system drops what others send.
    socket.connect(address).await?;
    let mut nonce = [0; 8];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| NtpError::NoRandomness)?;
    let sent_at = wall_clock::millis();
    let began = wall_clock::since_boot();
    socket.send(&request(nonce)).await?;
    let mut packet = [0; PACKET_LEN_BYTES];
    loop {
        let len = socket.recv(&mut packet).await?;
        let Some(answer) = packet.get(..len) else {
            continue;
        };
        // The wall clock may be set meanwhile; the other can't be.
        let took = wall_clock::since_boot().saturating_sub(began);
        match offset_ms(answer, nonce, sent_at, took) {
            // Somebody guesses at the answer, or repeats one.
            Err(NtpError::NotTheAnswer) => {}
            outcome => return outcome,
        }
    }
}

/// The first address of a name, with or without a port.
async fn address_of(server: &str) -> Result<SocketAddr, NtpError> {
    let has_port = server.rsplit_once(':').is_some_and(|(host, port)| {
        // `::1` is an address, `[::1]:123` has a port.
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    let mut found = if has_port {
        lookup_host(server).await?.next()
    } else {
        let bare = server.trim_start_matches('[').trim_end_matches(']');
        lookup_host((bare, PORT)).await?.next()
    };
    found.take().ok_or(NtpError::NoAddress)
}

/// Why a server's answer is of no use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum NtpError {
    #[error("its name has no address")]
    NoAddress,
    #[error("it did not answer in time")]
    Silent,
    #[error("the system gives no random numbers")]
    NoRandomness,
    #[error("not the answer to what was asked")]
    NotTheAnswer,
    #[error("it does not know the time itself (stratum {stratum}, leap indicator {leap})")]
    Unsynchronised { stratum: u8, leap: u8 },
    #[error("its answer took {0} ms, which is too long to tell anything")]
    Slow(i64),
    #[error(transparent)]
    Network(#[from] std::io::Error),
}

/// The request: version 4, mode 3 (client), and nothing that tells of us.
fn request(nonce: [u8; 8]) -> [u8; PACKET_LEN_BYTES] {
    let mut packet = [0; PACKET_LEN_BYTES];
    let (head, transmit) = packet.split_at_mut(PACKET_LEN_BYTES - nonce.len());
    if let Some(first) = head.first_mut() {
        *first = 4 << 3 | 3;
    }
    transmit.copy_from_slice(&nonce);
    packet
}

/// How far ahead of this clock the sender of an answer is: what is left once half of the time that
/// it took is taken off.
///
/// # Errors
/// If it is not the answer, or of no use.
pub(crate) fn offset_ms(
    answer: &[u8],
    nonce: [u8; 8],
    sent_at: UnixMillis,
    took: Duration,
) -> Result<i64, NtpError> {
    let packet: &[u8; PACKET_LEN_BYTES] = answer.try_into().map_err(|_| NtpError::NotTheAnswer)?;
    let field = |at: usize| {
        let bytes = packet.get(at..).and_then(|rest| rest.first_chunk::<8>());
        bytes.copied().unwrap_or_default()
    };
    let [first, stratum, ..] = *packet;
    let (leap, mode) = (first >> 6, first & 0b111);
    if mode != 4 || field(ORIGINATE) != nonce {
        return Err(NtpError::NotTheAnswer);
    }
    if !(1..=15).contains(&stratum) || leap == 3 || field(TRANSMIT) == [0; 8] {
        return Err(NtpError::Unsynchronised { stratum, leap });
    }
    let received_ms = since_ms(field(RECEIVE), sent_at);
    let transmitted_ms = since_ms(field(TRANSMIT), sent_at);
    let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    // All of these are below 2^43: seconds of 32 bits, in milliseconds.
    let delay_ms = took_ms.saturating_sub(transmitted_ms.saturating_sub(received_ms));
    if !(-DELAY_MS_MAX..=DELAY_MS_MAX).contains(&delay_ms) {
        return Err(NtpError::Slow(delay_ms));
    }
    let there_ms = received_ms.saturating_add(transmitted_ms) / 2;
    Ok(there_ms.saturating_sub(took_ms / 2))
}

/// Where the packet has its times.
const ORIGINATE: usize = 24;
const RECEIVE: usize = 32;
const TRANSMIT: usize = 40;

/// From 1900, when the format's seconds begin, to 1970.
const ERA_BEGINS_S: u64 = 2_208_988_800;

/// How long after `then` a time of the format is, in milliseconds; negative for before. Its seconds
/// have 32 bits and begin anew every 136 years: of all that it may be, the nearest is meant.
fn since_ms(time: [u8; 8], then: UnixMillis) -> i64 {
    let time = u64::from_be_bytes(time);
    let (seconds, fraction) = (time >> 32, time & u64::from(u32::MAX));
    let seconds = u32::try_from(seconds).unwrap_or_default();
    let then_s = (then.get() / 1000).wrapping_add(ERA_BEGINS_S) & u64::from(u32::MAX);
    let then_s = u32::try_from(then_s).unwrap_or_default();
    let apart_s = seconds.wrapping_sub(then_s).cast_signed();
    let millis = i64::try_from((fraction * 1000) >> 32).unwrap_or_default();
    let then_millis = i64::try_from(then.get() % 1000).unwrap_or_default();
    i64::from(apart_s) * 1000 + millis - then_millis
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; 8] = *b"a nonce!";
    const THEN: UnixMillis = UnixMillis::new(1_767_225_600_250);

    /// A time in the packet's format.
    fn encode(unix_ms: u64) -> [u8; 8] {
        let seconds = (unix_ms / 1000 + ERA_BEGINS_S) % (1 << 32);
        let fraction = ((unix_ms % 1000) << 32).div_ceil(1000);
        ((seconds << 32) | fraction).to_be_bytes()
    }

    fn packet(first: u8, stratum: u8, times: [[u8; 8]; 3]) -> Vec<u8> {
        let mut packet = vec![first, stratum];
        packet.resize(ORIGINATE, 0);
        packet.extend(times.concat());
        packet
    }

    /// What a server says whose clock is ahead, and which takes 20 ms.
    fn answer(ahead_ms: i64, network_ms: u64) -> Vec<u8> {
        let received = THEN.get().strict_add_signed(ahead_ms) + network_ms;
        packet(
            4 << 3 | 4,
            2,
            [NONCE, encode(received), encode(received + 20)],
        )
    }

    fn offset(answer: &[u8], took_ms: u64) -> Result<i64, NtpError> {
        offset_ms(answer, NONCE, THEN, Duration::from_millis(took_ms))
    }

    #[test]
    fn the_offset_is_what_the_way_does_not_explain() {
        for ahead_ms in [0, 1, 999, 5000, -1, -750, -86_400_000, 100_000_000_000] {
            let found = offset(&answer(ahead_ms, 40), 100).unwrap();
            assert!((found - ahead_ms).abs() <= 1, "{found} for {ahead_ms}");
        }
    }

    #[test]
    fn the_end_of_an_era_changes_nothing() {
        // 7 February 2036, 06:28:16.
        let end_ms = ((1_u64 << 32) - ERA_BEGINS_S) * 1000;
        for (then_ms, there_ms) in [(end_ms - 500, end_ms + 250), (end_ms + 100, end_ms - 400)] {
            let found = since_ms(encode(there_ms), UnixMillis::new(then_ms));
            let wanted = i64::try_from(there_ms).unwrap() - i64::try_from(then_ms).unwrap();
            assert!((found - wanted).abs() <= 1, "{found} for {wanted}");
        }
    }

    #[test]
    fn only_the_answer_counts() {
        let right = answer(0, 0);
        assert!(offset(&right, 20).is_ok());
        let change = |at: usize, byte: u8| {
            let mut other = right.clone();
            other[at] = byte;
            other
        };
        let longer = [right.as_slice(), b"x"].concat();
        for other in [
            change(0, 4 << 3 | 3),
            change(0, 4 << 3 | 5),
            change(ORIGINATE, 0),
            right[..47].to_vec(),
            longer,
            vec![],
        ] {
            let refused = offset(&other, 20);
            assert!(
                matches!(refused, Err(NtpError::NotTheAnswer)),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn servers_without_the_time_do_not_count() {
        let times = [NONCE, encode(THEN.get()), encode(THEN.get())];
        for (first, stratum) in [(4 << 3 | 4, 0), (4 << 3 | 4, 16), (3 << 6 | 4 << 3 | 4, 2)] {
            let refused = offset(&packet(first, stratum, times), 0);
            assert!(matches!(refused, Err(NtpError::Unsynchronised { .. })));
        }
        let no_time = [NONCE, encode(THEN.get()), [0; 8]];
        let refused = offset(&packet(4 << 3 | 4, 2, no_time), 0);
        assert!(matches!(refused, Err(NtpError::Unsynchronised { .. })));
    }

    #[test]
    fn an_answer_that_took_too_long_does_not_count() {
        let refused = offset(&answer(0, 500), 5000);
        assert!(matches!(refused, Err(NtpError::Slow(4980))), "{refused:?}");
    }

    #[test]
    fn the_request_is_a_client_s() {
        let request = request(NONCE);
        assert_eq!(
            (request[0], &request[1..40], &request[40..]),
            (0x23, &[0; 39][..], &NONCE[..])
        );
    }

    /// A server whose clock is ahead; without an offset it says nothing.
    async fn start(ahead_ms: Option<i64>) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut request = [0; 64];
            loop {
                let (len, from) = socket.recv_from(&mut request).await.unwrap();
                assert_eq!((len, request[0]), (PACKET_LEN_BYTES, 0x23));
                let Some(ahead_ms) = ahead_ms else { continue };
                let now = encode(wall_clock::millis().get().strict_add_signed(ahead_ms));
                let guess = packet(4 << 3 | 4, 1, [[7; 8], encode(0), encode(0)]);
                socket.send_to(&guess, from).await.unwrap();
                let nonce = request[40..48].try_into().unwrap();
                let answer = packet(4 << 3 | 4, 1, [nonce, now, now]);
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        address.to_string()
    }

    #[tokio::test]
    async fn a_round_asks_everybody_and_waits_for_nobody() {
        let servers = vec![
            start(Some(0)).await,
            start(Some(-90_000)).await,
            start(None).await,
            "nowhere.invalid".to_owned(),
        ];
        let mut offsets = round(&servers, Duration::from_millis(500)).await;
        offsets.sort_unstable();
        let [None, None, Some(behind), Some(right)] = offsets[..] else {
            panic!("{offsets:?}")
        };
        assert!((-91_000..=-89_000).contains(&behind), "{behind}");
        assert!((-1000..=1000).contains(&right), "{right}");
    }

    #[tokio::test]
    async fn what_was_heard_is_told_until_the_end() {
        let (stop, stopped) = watch::channel(false);
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let servers = vec![start(Some(0)).await, start(Some(0)).await];
        let following = tokio::spawn(async move {
            let hear = |offsets: &[Option<i64>]| tell.send(offsets.len()).unwrap();
            follow(&servers, hear, stopped).await;
        });
        assert_eq!(told.recv().await, Some(2));
        stop.send(true).unwrap();
        following.await.unwrap();
        assert_eq!(told.recv().await, None);
    }

    #[test]
    fn more_than_half_make_a_quorum() {
        for (servers, wanted) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
            assert_eq!(quorum(servers).agree_min, wanted);
        }
    }
}
