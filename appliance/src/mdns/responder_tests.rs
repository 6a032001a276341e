use super::*;

const EXAMPLE: &str = "192.168.1.5";

fn at(millis: u64) -> Uptime {
    Uptime::from_millis(millis)
}

fn responder(address: &str, first: u64) -> Responder {
    Responder::new(Offer { addresses: vec![address.parse().unwrap()], port: 443 }, at(first))
}

/// Several boxes on one link, where everybody hears everybody and themselves.
fn run(boxes: &mut [Responder], from: u64, to: u64) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for now in (from..to).step_by(10) {
        let mut waiting: Vec<Vec<u8>> = boxes.iter_mut().filter_map(|one| one.tick(at(now))).collect();
        while let Some(packet) = waiting.pop() {
            assert!(packet.len() < MAX_PACKET);
            waiting.extend(boxes.iter_mut().filter_map(|one| one.hear(&packet, at(now))));
            all.push(packet);
            assert!(all.len() < 1000, "they never stop talking");
        }
    }
    all
}

fn query(name: &str, kind: TYPE) -> Vec<u8> {
    let mut packet = Packet::new_query(0);
    packet.questions.push(Question::new(owned(name).unwrap(), QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().unwrap()
}

fn settled(address: &str) -> Responder {
    let mut boxes = [responder(address, 0)];
    run(&mut boxes, 0, 5_000);
    let [one] = boxes;
    one
}

#[test]
fn a_box_alone_asks_three_times_and_says_its_name_twice() {
    let mut boxes = [responder(EXAMPLE, 0)];
    let said = run(&mut boxes, 0, 10_000);
    let responses = said.iter().filter(|bytes| Packet::parse(bytes).unwrap().has_flags(PacketFlag::RESPONSE)).count();
    assert_eq!((said.len(), responses), (5, 2));
    assert!(boxes[0].holds() && boxes[0].due().is_none());
    assert_eq!(boxes[0].host(), "latchkey.local");
}

#[test]
fn a_box_answers_for_its_name_and_its_pages_only() {
    let mut one = settled(EXAMPLE);
    let answer = one.hear(&query("LATCHKEY.local", TYPE::A), at(20_000)).unwrap();
    let packet = Packet::parse(&answer).unwrap();
    assert_eq!(packet.answers.len(), 1);
    assert_eq!(packet.answers[0].rdata, RData::A(A { address: 0xc0a8_0105 }));
    assert!(packet.answers[0].cache_flush);
    for (seconds, name, kind, count) in
        [(30, SETUP, TYPE::PTR, 1), (40, SERVICES, TYPE::PTR, 2), (50, "latchkey._https._tcp.local", TYPE::TXT, 1)]
    {
        let answer = one.hear(&query(name, kind), at(seconds * 1000)).unwrap();
        assert_eq!(Packet::parse(&answer).unwrap().answers.len(), count, "{name}");
    }
    for (name, kind) in [("printer.local", TYPE::A), ("latchkey.local", TYPE::MX), ("local", TYPE::PTR)] {
        assert!(one.hear(&query(name, kind), at(60_000)).is_none(), "{name}");
    }
}

#[test]
fn the_second_box_takes_the_next_name() {
    for (first, second) in [(0, 10_000), (0, 0), (0, 120), (120, 0)] {
        let mut boxes = [responder("192.168.1.5", first), responder("192.168.1.6", second)];
        run(&mut boxes, 0, 40_000);
        let mut hosts = [boxes[0].host(), boxes[1].host()];
        hosts.sort();
        assert_eq!(hosts, ["latchkey-2.local", "latchkey.local"], "{first} {second}");
        assert!(boxes.iter().all(Responder::holds));
    }
}

#[test]
fn three_boxes_have_three_names() {
    let mut boxes = [responder("192.168.1.5", 0), responder("192.168.1.6", 30), responder("192.168.1.7", 60)];
    run(&mut boxes, 0, 120_000);
    let mut hosts: Vec<_> = boxes.iter().map(Responder::host).collect();
    hosts.sort();
    assert_eq!(hosts, ["latchkey-2.local", "latchkey-3.local", "latchkey.local"]);
}

#[test]
fn networks_that_join_settle_who_has_the_name() {
    let mut boxes = [settled("192.168.1.5"), settled("192.168.1.6")];
    let word = boxes[0].announcement(SERVICE_TTL).unwrap();
    boxes[1].hear(&word, at(10_000));
    run(&mut boxes, 10_000, 60_000);
    assert_ne!(boxes[0].host(), boxes[1].host());
}

#[test]
fn nobody_gets_more_than_one_answer_a_second() {
    let mut one = settled(EXAMPLE);
    let packet = query("latchkey.local", TYPE::A);
    let answers = (0..10_000).filter(|now| one.hear(&packet, at(20_000 + now)).is_some()).count();
    assert_eq!(answers, 10);
}

#[test]
fn who_knows_the_answer_is_not_told_again() {
    let mut one = settled(EXAMPLE);
    let mut packet = Packet::new_query(0);
    packet.questions.push(Question::new(owned(SETUP).unwrap(), QTYPE::ANY, QCLASS::ANY, false));
    packet.answers = one.records(SERVICE_TTL);
    assert!(one.hear(&packet.build_bytes_vec().unwrap(), at(20_000)).is_none());
}

#[test]
fn somebody_who_floods_the_link_with_conflicts_slows_the_box_down_and_nothing_else() {
    let mut one = responder(EXAMPLE, 0);
    let other = settled("192.168.1.66");
    let mut said = 0;
    for now in (0..60_000).step_by(10) {
        said += usize::from(one.tick(at(now)).is_some());
        let rival = Responder { number: one.number, offer: other.offer.clone(), ..responder("192.168.1.66", 0) };
        one.hear(&rival.announcement(SERVICE_TTL).unwrap(), at(now));
    }
    assert!(said < 40, "{said}");
}

#[test]
fn a_box_takes_its_name_back_when_it_goes() {
    let one = settled(EXAMPLE);
    let goodbye = one.goodbye().unwrap();
    assert!(Packet::parse(&goodbye).unwrap().answers.iter().all(|record| record.ttl == 0));
    assert!(responder(EXAMPLE, 0).goodbye().is_none());
    let mut other = settled("192.168.1.6");
    other.hear(&goodbye, at(20_000));
    assert!(other.holds(), "who says goodbye is no rival");
}

#[test]
fn garbage_is_nothing() {
    let mut one = settled(EXAMPLE);
    let good = query("latchkey.local", TYPE::A);
    let mut many = good.clone();
    many[5] = 255;
    let mut loops = good[..12].to_vec();
    loops.extend([0xc0, 0x0c, 0, 1, 0, 1]);
    for packet in [&[][..], &[0; 11], &[0xff; 12], &[0xff; MAX_PACKET + 1], &good[..good.len() - 1], &many, &loops] {
        assert!(one.hear(packet, at(20_000)).is_none());
    }
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut broken = good.clone();
            broken[place] ^= 1 << bit;
            one.hear(&broken, at(20_000));
        }
    }
    assert!(one.holds());
}
