use super::*;

fn stop(at: f64, hex: &str, alpha: f64) -> Stop {
    Stop { at, colour: Colour { hex: hex.to_owned(), alpha } }
}

/// Stops as place, colour and how opaque they are, in hundredths.
fn seen(stops: &[Stop]) -> Vec<(i64, String, i64)> {
    let whole = |part: f64| (part * 100.0).round() as i64;
    stops.iter().map(|stop| (whole(stop.at), stop.colour.hex.clone(), whole(stop.colour.alpha))).collect()
}

fn expected(stops: &[(i64, &str, i64)]) -> Vec<(i64, String, i64)> {
    stops.iter().map(|(at, hex, alpha)| (*at, (*hex).to_owned(), *alpha)).collect()
}

#[test]
fn stops_of_a_smaller_circle_end_before_its_edge() {
    let stops = [stop(0.0, "FFFFFF", 1.0), stop(1.0, "000000", 1.0)];
    assert_eq!(
        seen(&scaled(&stops, 0.5)),
        expected(&[(0, "FFFFFF", 100), (50, "000000", 100), (100, "000000", 100)])
    );
    assert_eq!(seen(&scaled(&stops, 1.0)), expected(&[(0, "FFFFFF", 100), (100, "000000", 100)]));
}

#[test]
fn stops_of_a_larger_circle_are_cut_with_the_colour_that_stands_there() {
    let stops = [
        stop(0.0, "000000", 1.0),
        stop(0.2, "000000", 1.0),
        stop(1.0, "FF8000", 0.0),
        stop(1.0, "00FF00", 1.0),
    ];
    // The edge lies at a half of the way, and so at 3/8 from the second to the third.
    assert_eq!(
        seen(&scaled(&stops, 2.0)),
        expected(&[(0, "000000", 100), (40, "000000", 100), (100, "603000", 63)])
    );
    // Beyond the edge from the first one on.
    assert_eq!(
        seen(&scaled(&[stop(0.8, "123456", 1.0)], 2.0)),
        expected(&[(0, "123456", 100), (100, "123456", 100)])
    );
    assert_eq!(seen(&scaled(&[], 2.0)), expected(&[]));
}

#[test]
fn a_circle_much_higher_than_its_strip_runs_along_it() {
    let stops = vec![stop(0.0, "FFFFFF", 1.0), stop(1.0, "000000", 1.0)];
    assert_eq!(
        seen(&mirrored(&stops, 0.5, 0.25)),
        expected(&[
            (0, "000000", 100),
            (25, "000000", 100),
            (50, "FFFFFF", 100),
            (50, "FFFFFF", 100),
            (75, "000000", 100),
            (100, "000000", 100)
        ])
    );
    let strip = fill(&Fill::Radial { centre: [0.5, 0.5], radii: [0.5, 20.0], stops });
    assert!(strip.contains("<a:lin ang=\"0\""), "{strip}");
    // One stop is a colour.
    let alone = fill(&Fill::Linear { angle: 0.0, stops: vec![stop(0.3, "123456", 1.0)] });
    assert_eq!(alone, "<a:solidFill><a:srgbClr val=\"123456\"/></a:solidFill>");
}

#[test]
fn colours_that_are_none_become_black_and_shares_stay_within_one() {
    let of = |hex: &str, alpha| colour(&Colour { hex: hex.to_owned(), alpha });
    assert_eq!(of("1a2B3c", 1.0), "<a:srgbClr val=\"1a2B3c\"/>");
    assert_eq!(of("\"/><x", 1.0), "<a:srgbClr val=\"000000\"/>");
    assert_eq!(of("FFFFFF", -3.0), "<a:srgbClr val=\"FFFFFF\"><a:alpha val=\"0\"/></a:srgbClr>");
    assert_eq!(of("FFFFFF", 0.25), "<a:srgbClr val=\"FFFFFF\"><a:alpha val=\"25000\"/></a:srgbClr>");
}

#[test]
fn a_line_that_is_not_seen_is_none() {
    let thin = Line {
        width: 0.0,
        hex: "000000".to_owned(),
        alpha: 1.0,
        dash: String::new(),
        pattern: Vec::new(),
        cap: String::new(),
        join: String::new(),
    };
    let none = "<a:ln><a:noFill/></a:ln>";
    assert_eq!(line("ln", None), none);
    assert_eq!(line("ln", Some(&thin)), none);
    assert_eq!(line("ln", Some(&Line { width: 2.0, alpha: 0.0, ..thin.clone() })), none);
    // An odd pattern: its last dash is its own gap.
    let dashed = Line { width: 2.0, pattern: vec![3.0, 1.0, 2.0], cap: "round".to_owned(), ..thin };
    assert_eq!(
        line("ln", Some(&dashed)),
        "<a:ln w=\"19050\" cap=\"rnd\"><a:solidFill><a:srgbClr val=\"000000\"/></a:solidFill><a:custDash>\
         <a:ds d=\"300000\" sp=\"100000\"/><a:ds d=\"200000\" sp=\"200000\"/></a:custDash>\
         <a:miter lim=\"800000\"/></a:ln>"
    );
}
