//! The rules of ECMA-376 (parts 1 and 4) for the elements that are written: which children in which order and how often,
//! which attributes with which values. What is not in the table may not be written.

use super::xml::Element;

const FILL: &str = "a:noFill|a:solidFill|a:gradFill|a:blipFill|a:pattFill|a:grpFill";
const EFFECT: &str = "a:effectLst|a:effectDag";
const COLOUR: &str = "a:srgbClr|a:schemeClr|a:sysClr|a:prstClr|a:hslClr|a:scrgbClr";
/// Lengths of a place.
const COORD: &str = "-27273042329600..27273042316900";
const SIZE: &str = "0..27273042316900";
const WIDE: &str = "-2147483648..2147483647";
const RUN: &str = "lang=. altLang=. sz=100..400000 b=bool i=bool u=none|words|sng|dbl|heavy|dotted|dottedHeavy|dash|dashHeavy|dashLong|dashLongHeavy|dotDash|dotDashHeavy|dotDotDash|dotDotDashHeavy|wavy|wavyHeavy|wavyDbl strike=noStrike|sngStrike|dblStrike kern=0..400000 cap=none|small|all spc=-400000..400000 baseline={wide} noProof=bool dirty=bool";
const RUN_PARTS: &str = "a:ln? {fill}? {effect}? a:highlight? a:uLnTx|a:uLn? a:uFillTx|a:uFill? a:latin? a:ea? a:cs? a:sym? a:hlinkClick? a:hlinkMouseOver? a:rtl? a:extLst?";
const PARAGRAPH: &str = "marL=0..51206400 marR=0..51206400 lvl=0..8 indent=-51206400..51206400 algn=l|ctr|r|just|justLow|dist|thaiDist rtl=bool";
const PARAGRAPH_PARTS: &str = "a:lnSpc? a:spcBef? a:spcAft? a:buClrTx|a:buClr? a:buSzTx|a:buSzPct|a:buSzPts? a:buFontTx|a:buFont? a:buNone|a:buAutoNum|a:buChar|a:buBlip? a:tabLst? a:defRPr? a:extLst?";
const LINE: &str = "w=0..20116800 cap=rnd|sq|flat cmpd=sng|dbl|thickThin|thinThick|tri algn=ctr|in";
const LINE_PARTS: &str =
    "{fill}? a:prstDash|a:custDash? a:round|a:bevel|a:miter? a:headEnd? a:tailEnd? a:extLst?";
const FORM: &str = "a:xfrm? a:custGeom|a:prstGeom? {fill}? a:ln? {effect}? a:scene3d? a:sp3d? a:extLst?";
const LEVELS: &str = "a:lvl1pPr? a:lvl2pPr? a:lvl3pPr? a:lvl4pPr? a:lvl5pPr? a:lvl6pPr? a:lvl7pPr? a:lvl8pPr? a:lvl9pPr? a:extLst?";
const NUMBERS: &str = "alphaLcParenBoth|alphaUcParenBoth|alphaLcParenR|alphaUcParenR|alphaLcPeriod|alphaUcPeriod|arabicParenBoth|arabicParenR|arabicPeriod|arabicPlain|romanLcParenBoth|romanUcParenBoth|romanLcParenR|romanUcParenR|romanLcPeriod|romanUcPeriod|circleNumDbPlain|circleNumWdBlackPlain|circleNumWdWhitePlain|arabicDbPeriod|arabicDbPlain|ea1ChsPeriod|ea1ChsPlain|ea1ChtPeriod|ea1ChtPlain|ea1JpnChsDbPeriod|ea1JpnKorPlain|ea1JpnKorPeriod|arabic1Minus|arabic2Minus|hebrew2Minus|thaiAlphaPeriod|thaiAlphaParenR|thaiAlphaParenBoth|thaiNumPeriod|thaiNumParenR|thaiNumParenBoth|hindiAlphaPeriod|hindiNumPeriod|hindiNumParenR|hindiAlpha1Period";

/// Name (or parent/name where it depends), children, attributes. A child's mark: `!` once, `?` at most once, `+` at least
/// once, `*` any number. An attribute's: `=` optional, `!=` wanted; values: `bool`, a range, words, `#` six hexadecimal
/// digits, `.` anything, `_` anything that is not empty.
const ROWS: &[(&str, &str, &str)] = &[
    // The presentation.
    (
        "p:presentation",
        "p:sldMasterIdLst? p:notesMasterIdLst? p:handoutMasterIdLst? p:sldIdLst? p:sldSz? p:notesSz! p:defaultTextStyle? p:extLst?",
        "saveSubsetFonts=bool",
    ),
    ("p:sldMasterIdLst", "p:sldMasterId*", ""),
    ("p:sldMasterId", "", "id=2147483648..4294967295 r:id!=_"),
    ("p:notesMasterIdLst", "p:notesMasterId?", ""),
    ("p:notesMasterId", "", "r:id!=_"),
    ("p:sldIdLst", "p:sldId*", ""),
    ("p:sldId", "", "id!=256..2147483647 r:id!=_"),
    ("p:sldSz", "", "cx!=914400..51206400 cy!=914400..51206400"),
    ("p:notesSz", "", "cx!={size} cy!={size}"),
    ("p:presentationPr", "p:extLst?", ""),
    ("p:viewPr", "p:extLst?", ""),
    ("a:tblStyleLst", "", "def!=_"),
    // Slides, layouts, masters, notes.
    ("p:sld", "p:cSld! p:clrMapOvr? p:transition? p:timing? p:extLst?", "show=bool"),
    (
        "p:sldLayout",
        "p:cSld! p:clrMapOvr? p:transition? p:timing? p:hf? p:extLst?",
        "type=titleOnly|blank preserve=bool",
    ),
    (
        "p:sldMaster",
        "p:cSld! p:clrMap! p:sldLayoutIdLst? p:transition? p:timing? p:hf? p:txStyles? p:extLst?",
        "",
    ),
    ("p:notesMaster", "p:cSld! p:clrMap! p:hf? p:notesStyle? p:extLst?", ""),
    ("p:notes", "p:cSld! p:clrMapOvr? p:extLst?", ""),
    ("p:cSld", "p:bg? p:spTree! p:custDataLst? p:controls? p:extLst?", "name=."),
    ("p:bg", "p:bgPr|p:bgRef!", ""),
    ("p:bgPr", "{fill}! {effect}? p:extLst?", ""),
    ("p:clrMapOvr", "a:masterClrMapping|a:overrideClrMapping!", ""),
    ("a:masterClrMapping", "", ""),
    (
        "p:clrMap",
        "",
        "bg1!=_ tx1!=_ bg2!=_ tx2!=_ accent1!=_ accent2!=_ accent3!=_ accent4!=_ accent5!=_ accent6!=_ hlink!=_ folHlink!=_",
    ),
    ("p:sldLayoutIdLst", "p:sldLayoutId*", ""),
    ("p:sldLayoutId", "", "id=2147483648..4294967295 r:id!=_"),
    ("p:txStyles", "p:titleStyle? p:bodyStyle? p:otherStyle? p:extLst?", ""),
    ("p:titleStyle", "{levels}", ""),
    ("p:bodyStyle", "{levels}", ""),
    ("p:otherStyle", "{levels}", ""),
    ("p:notesStyle", "{levels}", ""),
    // The tree of shapes.
    ("p:spTree", "p:nvGrpSpPr! p:grpSpPr! p:sp|p:grpSp|p:graphicFrame|p:cxnSp|p:pic* p:extLst?", ""),
    ("p:grpSp", "p:nvGrpSpPr! p:grpSpPr! p:sp|p:grpSp|p:graphicFrame|p:cxnSp|p:pic* p:extLst?", ""),
    ("p:nvGrpSpPr", "p:cNvPr! p:cNvGrpSpPr! p:nvPr!", ""),
    ("p:cNvGrpSpPr", "", ""),
    ("p:grpSpPr", "a:xfrm? {fill}? {effect}?", ""),
    (
        "p:cNvPr",
        "a:hlinkClick? a:hlinkHover? a:extLst?",
        "id!=1..2147483647 name!=. descr=. hidden=bool title=.",
    ),
    ("p:nvPr", "p:ph? p:custDataLst? p:extLst?", ""),
    ("p:ph", "", "type=title|body|sldImg idx=0..4294967295"),
    ("p:sp", "p:nvSpPr! p:spPr! p:style? p:txBody? p:extLst?", ""),
    ("p:nvSpPr", "p:cNvPr! p:cNvSpPr! p:nvPr!", ""),
    ("p:cNvSpPr", "a:spLocks? a:extLst?", "txBox=bool"),
    ("a:spLocks", "a:extLst?", "noGrp=bool noRot=bool noChangeAspect=bool"),
    ("p:spPr", "{form}", ""),
    ("p:pic", "p:nvPicPr! p:blipFill! p:spPr! p:style? p:extLst?", ""),
    ("p:nvPicPr", "p:cNvPr! p:cNvPicPr! p:nvPr!", ""),
    ("p:cNvPicPr", "a:picLocks? a:extLst?", ""),
    ("a:picLocks", "a:extLst?", "noChangeAspect=bool"),
    ("p:blipFill", "a:blip? a:srcRect? a:tile|a:stretch?", ""),
    ("a:blip", "a:alphaModFix* a:extLst?", "r:embed=_"),
    ("a:alphaModFix", "", "amt=0..100000"),
    ("a:srcRect", "", "l={wide} t={wide} r={wide} b={wide}"),
    ("a:stretch", "a:fillRect?", ""),
    ("a:fillRect", "", ""),
    ("p:graphicFrame", "p:nvGraphicFramePr! p:xfrm! a:graphic! p:extLst?", ""),
    ("p:nvGraphicFramePr", "p:cNvPr! p:cNvGraphicFramePr! p:nvPr!", ""),
    ("p:cNvGraphicFramePr", "a:graphicFrameLocks? a:extLst?", ""),
    ("a:graphicFrameLocks", "a:extLst?", "noGrp=bool"),
    ("a:graphic", "a:graphicData!", ""),
    ("a:graphicData", "a:tbl!", "uri!=http://schemas.openxmlformats.org/drawingml/2006/table"),
    // Places and forms.
    ("p:xfrm", "a:off? a:ext?", "rot={wide} flipH=bool flipV=bool"),
    ("a:xfrm", "a:off? a:ext? a:chOff? a:chExt?", "rot={wide} flipH=bool flipV=bool"),
    ("a:off", "", "x!={coord} y!={coord}"),
    ("a:ext", "", "cx!={size} cy!={size}"),
    ("a:chOff", "", "x!={coord} y!={coord}"),
    ("a:chExt", "", "cx!={size} cy!={size}"),
    ("a:prstGeom", "a:avLst?", "prst!=rect|ellipse|roundRect|round2SameRect"),
    ("a:avLst", "a:gd*", ""),
    ("a:gd", "", "name!=_ fmla!=_"),
    ("a:custGeom", "a:avLst? a:gdLst? a:ahLst? a:cxnLst? a:rect? a:pathLst!", ""),
    ("a:gdLst", "a:gd*", ""),
    ("a:ahLst", "", ""),
    ("a:cxnLst", "", ""),
    ("a:rect", "", "l!=_ t!=_ r!=_ b!=_"),
    ("a:pathLst", "a:path*", ""),
    (
        "a:pathLst/a:path",
        "a:close|a:moveTo|a:lnTo|a:arcTo|a:quadBezTo|a:cubicBezTo*",
        "w={size} h={size} fill=none|norm stroke=bool",
    ),
    ("a:moveTo", "a:pt!", ""),
    ("a:lnTo", "a:pt!", ""),
    ("a:cubicBezTo", "a:pt! a:pt! a:pt!", ""),
    ("a:close", "", ""),
    ("a:pt", "", "x!={coord} y!={coord}"),
    // Paints.
    ("a:noFill", "", ""),
    ("a:solidFill", "{colour}?", ""),
    ("a:gradFill", "a:gsLst? a:lin|a:path? a:tileRect?", "rotWithShape=bool"),
    ("a:gsLst", "a:gs! a:gs+", ""),
    ("a:gs", "{colour}!", "pos!=0..100000"),
    ("a:lin", "", "ang=0..21599999 scaled=bool"),
    ("a:gradFill/a:path", "a:fillToRect?", "path=shape|circle|rect"),
    ("a:fillToRect", "", "l={wide} t={wide} r={wide} b={wide}"),
    ("a:srgbClr", "a:alpha*", "val!=#"),
    ("a:schemeClr", "a:alpha*", "val!=bg1|tx1|bg2|tx2|phClr"),
    ("a:alpha", "", "val!=0..100000"),
    ("a:ln", "{line-parts}", "{line}"),
    ("a:lnL", "{line-parts}", "{line}"),
    ("a:lnR", "{line-parts}", "{line}"),
    ("a:lnT", "{line-parts}", "{line}"),
    ("a:lnB", "{line-parts}", "{line}"),
    ("a:prstDash", "", "val=solid|dot|dash|lgDash|dashDot|sysDash|sysDot"),
    ("a:custDash", "a:ds*", ""),
    ("a:ds", "", "d!=0..2147483647 sp!=0..2147483647"),
    ("a:round", "", ""),
    ("a:bevel", "", ""),
    ("a:miter", "", "lim=0..2147483647"),
    (
        "a:effectLst",
        "a:blur? a:fillOverlay? a:glow? a:innerShdw? a:outerShdw? a:prstShdw? a:reflection? a:softEdge?",
        "",
    ),
    ("a:innerShdw", "{colour}!", "blurRad={size} dist={size} dir=0..21599999"),
    (
        "a:outerShdw",
        "{colour}!",
        "blurRad={size} dist={size} dir=0..21599999 sx={wide} sy={wide} algn=tl|t|tr|l|ctr|r|bl|b|br rotWithShape=bool",
    ),
    // Text.
    ("p:txBody", "a:bodyPr! a:lstStyle? a:p+", ""),
    ("a:txBody", "a:bodyPr! a:lstStyle? a:p+", ""),
    (
        "a:bodyPr",
        "a:prstTxWarp? a:noAutofit|a:normAutofit|a:spAutoFit? a:scene3d? a:sp3d|a:flatTx? a:extLst?",
        "vert=horz|vert|vert270|wordArtVert|eaVert|mongolianVert|wordArtVertRtl wrap=none|square lIns={wide} tIns={wide} rIns={wide} bIns={wide} rtlCol=bool anchor=t|ctr|b|just|dist",
    ),
    ("a:noAutofit", "", ""),
    ("a:lstStyle", "", ""),
    ("a:p", "a:pPr? a:r|a:br|a:fld* a:endParaRPr?", ""),
    ("a:pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl1pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl2pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl3pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl4pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl5pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl6pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl7pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl8pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lvl9pPr", "{paragraph-parts}", "{paragraph}"),
    ("a:lnSpc", "a:spcPct|a:spcPts!", ""),
    ("a:spcBef", "a:spcPct|a:spcPts!", ""),
    ("a:spcAft", "a:spcPct|a:spcPts!", ""),
    ("a:spcPts", "", "val!=0..158400"),
    ("a:buNone", "", ""),
    ("a:buClr", "{colour}!", ""),
    ("a:buSzPct", "", "val=25000..400000"),
    ("a:buFontTx", "", ""),
    ("a:buFont", "", "typeface!=."),
    ("a:buAutoNum", "", "type!={numbers} startAt=1..32767"),
    ("a:buChar", "", "char!=_"),
    ("a:buBlip", "a:blip!", ""),
    ("a:r", "a:rPr? a:t!", ""),
    ("a:t", "", ""),
    ("a:br", "a:rPr?", ""),
    ("a:rPr", "{run-parts}", "{run}"),
    ("a:defRPr", "{run-parts}", "{run}"),
    ("a:endParaRPr", "{run-parts}", "{run}"),
    ("a:highlight", "{colour}!", ""),
    ("a:uFill", "{fill}!", ""),
    ("a:latin", "", "typeface!=."),
    ("a:ea", "", "typeface!=."),
    ("a:cs", "", "typeface!=."),
    ("a:sym", "", "typeface!=."),
    ("a:hlinkClick", "a:snd? a:extLst?", "r:id!=. action=_ tooltip=."),
    ("a:extLst", "a:ext*", ""),
    ("a:extLst/a:ext", "asvg:svgBlip|ahyp:hlinkClr!", "uri!=_"),
    ("asvg:svgBlip", "", "r:embed!=_"),
    ("ahyp:hlinkClr", "", "val!=tx"),
    // Tables.
    ("a:tbl", "a:tblPr? a:tblGrid! a:tr*", ""),
    (
        "a:tblPr",
        "{fill}? {effect}? a:tableStyle|a:tableStyleId? a:extLst?",
        "rtl=bool firstRow=bool firstCol=bool bandRow=bool",
    ),
    ("a:tableStyleId", "", ""),
    ("a:tblGrid", "a:gridCol*", ""),
    ("a:gridCol", "a:extLst?", "w!={size}"),
    ("a:tr", "a:tc* a:extLst?", "h!={size}"),
    ("a:tc", "a:txBody? a:tcPr? a:extLst?", "rowSpan=1..100000 gridSpan=1..100000 hMerge=bool vMerge=bool"),
    (
        "a:tcPr",
        "a:lnL? a:lnR? a:lnT? a:lnB? a:lnTlToBr? a:lnBlToTr? a:cell3D? {fill}? a:headers? a:extLst?",
        "marL={wide} marR={wide} marT={wide} marB={wide} vert=horz|vert|vert270|eaVert anchor=t|ctr|b|just|dist",
    ),
    // The theme.
    ("a:theme", "a:themeElements! a:objectDefaults? a:extraClrSchemeLst? a:custClrLst? a:extLst?", "name=."),
    ("a:themeElements", "a:clrScheme! a:fontScheme! a:fmtScheme! a:extLst?", ""),
    (
        "a:clrScheme",
        "a:dk1! a:lt1! a:dk2! a:lt2! a:accent1! a:accent2! a:accent3! a:accent4! a:accent5! a:accent6! a:hlink! a:folHlink! a:extLst?",
        "name!=.",
    ),
    ("a:dk1", "{colour}!", ""),
    ("a:lt1", "{colour}!", ""),
    ("a:dk2", "{colour}!", ""),
    ("a:lt2", "{colour}!", ""),
    ("a:accent1", "{colour}!", ""),
    ("a:accent2", "{colour}!", ""),
    ("a:accent3", "{colour}!", ""),
    ("a:accent4", "{colour}!", ""),
    ("a:accent5", "{colour}!", ""),
    ("a:accent6", "{colour}!", ""),
    ("a:hlink", "{colour}!", ""),
    ("a:folHlink", "{colour}!", ""),
    ("a:fontScheme", "a:majorFont! a:minorFont! a:extLst?", "name!=."),
    ("a:majorFont", "a:latin! a:ea! a:cs! a:font* a:extLst?", ""),
    ("a:minorFont", "a:latin! a:ea! a:cs! a:font* a:extLst?", ""),
    ("a:fmtScheme", "a:fillStyleLst! a:lnStyleLst! a:effectStyleLst! a:bgFillStyleLst!", "name=."),
    ("a:fillStyleLst", "{fill}! {fill}! {fill}+", ""),
    ("a:lnStyleLst", "a:ln! a:ln! a:ln+", ""),
    ("a:effectStyleLst", "a:effectStyle! a:effectStyle! a:effectStyle+", ""),
    ("a:effectStyle", "{effect}! a:scene3d? a:sp3d?", ""),
    ("a:bgFillStyleLst", "{fill}! {fill}! {fill}+", ""),
];

fn written_out(row: &str) -> String {
    let mut out = row.to_owned();
    for (name, rule) in [
        ("{form}", FORM),
        ("{line-parts}", LINE_PARTS),
        ("{line}", LINE),
        ("{run-parts}", RUN_PARTS),
        ("{run}", RUN),
        ("{paragraph-parts}", PARAGRAPH_PARTS),
        ("{paragraph}", PARAGRAPH),
        ("{levels}", LEVELS),
        ("{fill}", FILL),
        ("{effect}", EFFECT),
        ("{colour}", COLOUR),
        ("{numbers}", NUMBERS),
        ("{coord}", COORD),
        ("{size}", SIZE),
        ("{wide}", WIDE),
    ] {
        out = out.replace(name, rule);
    }
    out
}

/// What is wrong in an element and below it.
pub fn faults(element: &Element) -> Vec<String> {
    let mut found = Vec::new();
    look(element, "", &mut found);
    found
}

fn look(element: &Element, parent: &str, found: &mut Vec<String>) {
    let name = element.name.as_str();
    let inside = format!("{parent}/{name}");
    let row = ROWS.iter().find(|row| row.0 == inside).or_else(|| ROWS.iter().find(|row| row.0 == name));
    let Some((_, children, attributes)) = row else {
        found.push(format!("{inside} is not in the table"));
        return;
    };
    if name != "a:t" && name != "a:tableStyleId" && !element.text.trim().is_empty() {
        found.push(format!("{inside} has text: {}", element.text));
    }
    if let Some(fault) = wrong_order(element, &written_out(children)) {
        found.push(format!("{inside}: {fault}"));
    }
    wrong_attributes(element, &written_out(attributes), &inside, found);
    for child in &element.children {
        look(child, name, found);
    }
}

fn wrong_order(element: &Element, rule: &str) -> Option<String> {
    let mut children = element.children.iter().map(|child| child.name.as_str()).peekable();
    for slot in rule.split_whitespace() {
        let (names, mark) = slot.split_at(slot.len() - 1);
        let most = if matches!(mark, "!" | "?") { 1 } else { usize::MAX };
        let mut count = 0;
        while count < most && children.next_if(|child| names.split('|').any(|name| name == *child)).is_some()
        {
            count += 1;
        }
        if count == 0 && matches!(mark, "!" | "+") {
            return Some(format!("{names} is missing"));
        }
    }
    children.next().map(|child| format!("{child} does not stand where it may"))
}

fn wrong_attributes(element: &Element, rule: &str, inside: &str, found: &mut Vec<String>) {
    let mut known = Vec::new();
    for attribute in rule.split_whitespace() {
        let (name, allowed) = attribute.split_once('=').unwrap();
        let wanted = name.ends_with('!');
        let name = name.trim_end_matches('!');
        known.push(name);
        match element.get(name) {
            None if wanted => found.push(format!("{inside} has no {name}")),
            Some(value) if !fits(value, allowed) => found.push(format!("{inside}: {name} is {value:?}")),
            _ => {}
        }
    }
    for (name, value) in &element.attributes {
        if !known.contains(&name.as_str()) {
            found.push(format!("{inside} has {name}={value:?}, which is not in the table"));
        }
    }
}

fn fits(value: &str, allowed: &str) -> bool {
    if let Some((least, most)) = allowed.split_once("..") {
        let (least, most): (i64, i64) = (least.parse().unwrap(), most.parse().unwrap());
        return value.parse().is_ok_and(|value: i64| (least..=most).contains(&value));
    }
    match allowed {
        "." => true,
        "_" => !value.is_empty(),
        "#" => value.len() == 6 && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "bool" => matches!(value, "0" | "1" | "true" | "false"),
        words => words.split('|').any(|word| word == value),
    }
}

#[test]
fn faults_are_found() {
    let spaces = "xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\"";
    let of = |text: &str| {
        faults(&super::xml::parse(text.replacen('>', &format!(" {spaces}>"), 1).as_bytes()).unwrap())
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(
        of(
            "<a:r><a:rPr sz=\"1200\"><a:latin typeface=\"X\"/><a:ea typeface=\"\"/></a:rPr><a:t>x</a:t></a:r>"
        ),
        none
    );
    for (wrong, fault) in [
        ("<a:r><a:t>x</a:t><a:rPr/></a:r>", "/a:r: a:rPr does not stand where it may"),
        (
            "<a:r><a:rPr><a:ea typeface=\"\"/><a:latin typeface=\"\"/></a:rPr><a:t/></a:r>",
            "a:r/a:rPr: a:latin does not stand where it may",
        ),
        ("<a:r><a:rPr/></a:r>", "/a:r: a:t is missing"),
        (
            "<a:gsLst><a:gs pos=\"0\"><a:srgbClr val=\"000000\"/></a:gs></a:gsLst>",
            "/a:gsLst: a:gs is missing",
        ),
        ("<a:spcPts val=\"158401\"></a:spcPts>", "/a:spcPts: val is \"158401\""),
        ("<a:srgbClr val=\"00000g\"></a:srgbClr>", "/a:srgbClr: val is \"00000g\""),
        ("<a:off x=\"1\"></a:off>", "/a:off has no y"),
        ("<a:off x=\"1\" y=\"1.5\"></a:off>", "/a:off: y is \"1.5\""),
        ("<a:t z=\"1\"></a:t>", "/a:t has z=\"1\", which is not in the table"),
        ("<a:p>x</a:p>", "/a:p has text: x"),
        ("<a:what></a:what>", "/a:what is not in the table"),
    ] {
        assert_eq!(of(wrong), [fault], "{wrong}");
    }
}
