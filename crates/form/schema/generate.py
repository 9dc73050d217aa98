#!/usr/bin/env python3
"""Writes ooxml.tsv, the vocabulary of Office Open XML that may cross, from the schema data of the Open XML SDK.

usage: generate.py DATA_DIRECTORY > ooxml.tsv

DATA_DIRECTORY is the folder `data` of dotnet/Open-XML-SDK (MIT licence, see NOTICE). What is not listed here cannot be
expressed in the form at all: the lists below leave out whatever runs, loads, links or carries bytes of its own.

Lines, tab-separated, first column says which:

N prefix uri                      a namespace; numbered from 0 in this order; the first is "no namespace"
T name text particle attributes   a type; numbered from 0. name is TYPE/prefix:element. text is the kind of text it
                                  may hold, `-` for none. particle is its content model over numbers of types:
                                  `,( )` sequence, `|( )` choice, `&( )` all, each item followed by ? * + or {min,max}.
                                  attributes are `prefix:name,kind,required(1/0),argument`, `;`-separated
P name relationship content-type directory stem root targets
                                  a part; root is the number of its root's type, targets are the parts that it may refer to,
                                  ImagePart among them where it may have pictures
"""

import glob
import json
import re
import sys

DATA = sys.argv[1].rstrip("/") + "/"


def load(path):
    with open(path, encoding="utf-8-sig") as file:
        return json.load(file)


NAMESPACES = {entry["Prefix"]: entry["Uri"] for entry in load(DATA + "namespaces.json")}

# Whole vocabularies that stay outside: ribbon and macros, ActiveX, web and task-pane extensions, ink, 3-D models, media
# tracking, sensitivity labels, forms, web video (HTML that Word shows), paths of the author's machine, data models, rich values, slicers, legacy VML of spreadsheets (written anew).
DENIED_NAMESPACES = set(
    "mso mso14 ax wne wetp we ct ntns lp ma cdip emma inkml msink am3d aoe asl alf woe p228 a1611 oel xlecs xlecs2 clsh mip ds"
    " sl b aif t xxl21 xlmsforms xlrvrel xxlnp x12ac asvg iact xlwcv xvml pvml oac xltc xltc2 xnsv xxpim xxpvi xxdsv xfpb xlrd"
    " xlrd2 xlrdwi xlpar xlpcalc xcalcf xltt p1912 p216 p232 pRoam a3danim aanim aclsh op ap vt cppr xxlrds psuppl wp15 x15ac sle tsle sle15".split()
)
# Elements that run, load, link or embed something, or hold what only a program reads.
DENIED_ELEMENTS = set(
    "w:control w:altChunk w:subDoc w:attachedTemplate w:mailMerge w:embedRegular w:embedBold w:embedItalic w:embedBoldItalic"
    " w:saveThroughXslt w:docVars w:objectEmbed w:objectLink w:object w:movie w:contentPart w:attachedSchema w:dataBinding"
    " w15:dataBinding w:linkToQuery w:hdrShapeDefaults w:shapeDefaults w:macro w:smartTag w:smartTagPr w:customXml w:customXmlPr"
    " w:activeWritingStyle w:printerSettings w:scriptAnchor w:frameset w:entryMacro w:exitMacro w:fldData w:hyperlinkBase"
    " w15:webExtensionLinked w15:webExtensionCreated w:docPartObj_ w:writeProtection_"
    " o:OLEObject o:diagram p:oleObj p:controls p:custDataLst p:embeddedFontLst p:embeddedFont p:smartTags p:cmd p:htmlPubPr"
    " p:webPr p:control p:modifyVerifier p:contentPart p14:media p:snd p:sndAc p:audio p:video p:stSnd p:endSnd"
    " x:oleObjects x:controls x:oleLink x:ddeLink x:externalReferences x:externalReference x:webPublishItems"
    " x:webPublishObjects x:webPublishing x:customProperties x:functionGroups x:legacyDrawing x:legacyDrawingHF x:drawingHF"
    " x:smartTags x:smartTagPr x:smartTagTypes x:fileRecoveryPr x:volType x:cellSmartTags x:dbPr x:olapPr x:webPr x:textPr"
    " x:fileSharing x:dataConsolidate"
    " c:externalData c:printSettings cx:externalData cx:binary a:audioFile a:videoFile a:quickTimeFile a:wavAudioFile a:audioCd"
    " a:snd a:contentPart a14:contentPart xdr:contentPart xdr14:contentPart a14:imgProps"
    " x14:slicerRef x14:slicerList x14:slicerCaches x15:timelineCachePivotCaches x15:timelineRefs x15:timelineCacheRefs"
    " x15:dataModel x15:connection x14:connection x15:queryTable x14:slicerStyles x15:timelineStyles"
    " x15:pivotTableReferences x14:pivotCaches_ x15:webExtensions x:extReference"
    " x:xmlColumnPr a15:objectPr a15:signatureLine o:signatureline a14:cameraTool p:sldSyncPr w14:contentPart"
    " cdr14:contentPart x14:slicerCache xprd:richInfo p:sndTgt x:valueMetadata".split()
)
DENIED_ATTRIBUTES = set("r:link r:pict r:href o:href o:althref o:relid o:ole o:oleicon o:master o:gfxdata o:bullet".split())
# Those of one element: what they name never crosses, or is a table of a query or XML map, or rich values.
DENIED_PAIRS = {
    ("x:pageSetup", "r:id"), ("x:rangeSet", "r:id"), ("x:worksheetSource", "r:id"), ("x:table", ":tableType"),
    ("x:tableColumn", ":queryTableFieldId"), ("x:c", ":vm"),
}
# By local name, without a namespace or in the element's own.
DENIED_LOCAL_ATTRIBUTES = set(
    "macro onAction textlink target href src althref vbProcedure function xlm functionGroupId externalLink sourceFile refreshOnLoad"
    " codeName invalidUrl tgtFrame docLocation equationxml mdx customMenu help statusBar provider connectionId embedTrueType saltValue hashValue hash salt"
    " algorithmName spinCount workbookPassword revisionsPassword password cryptProviderType cryptAlgorithmClass"
    " cryptAlgorithmType cryptAlgorithmSid cryptSpinCount cryptProvider algIdExt algIdExtSource cryptProviderTypeExt"
    " cryptProviderTypeExtSource workbookHashValue workbookSaltValue workbookSpinCount workbookAlgorithmName"
    " revisionsHashValue revisionsSaltValue revisionsSpinCount revisionsAlgorithmName securityDescriptor".split()
)
# All the same: what a pivot table draws from can only be a sheet of its own workbook.
ALLOWED_PAIRS = {("x:pivotCacheDefinition", ":refreshOnLoad")}
PARTS = (
    "MainDocumentPart StyleDefinitionsPart NumberingDefinitionsPart DocumentSettingsPart FontTablePart ThemePart"
    " ThemeOverridePart HeaderPart FooterPart FootnotesPart EndnotesPart WordprocessingCommentsPart"
    " WordprocessingCommentsExPart WordprocessingCommentsIdsPart WordprocessingPeoplePart ChartPart ExtendedChartPart"
    " ChartStylePart ChartColorStylePart ChartDrawingPart DiagramDataPart DiagramColorsPart DiagramLayoutDefinitionPart"
    " DiagramStylePart DiagramPersistLayoutPart WorkbookPart WorksheetPart ChartsheetPart SharedStringTablePart"
    " WorkbookStylesPart DrawingsPart TableDefinitionPart WorksheetCommentsPart PivotTablePart"
    " PivotTableCacheDefinitionPart PivotTableCacheRecordsPart CellMetadataPart PresentationPart SlidePart"
    " SlideLayoutPart SlideMasterPart NotesSlidePart NotesMasterPart HandoutMasterPart PresentationPropertiesPart"
    " ViewPropertiesPart TableStylesPart CommentAuthorsPart SlideCommentsPart PowerPointCommentPart"
    " PowerPointAuthorsPart"
).split()
MAIN_TYPES = {
    "MainDocumentPart": "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "WorkbookPart": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
    "PresentationPart": "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
}
DIRECTORIES = {
    "WorksheetPart": "worksheets", "ChartsheetPart": "chartsheets", "SlidePart": "slides", "SlideLayoutPart": "slideLayouts",
    "SlideMasterPart": "slideMasters", "NotesSlidePart": "notesSlides", "NotesMasterPart": "notesMasters",
    "HandoutMasterPart": "handoutMasters", "ThemePart": "theme", "ThemeOverridePart": "theme", "DrawingsPart": "drawings",
    "ChartDrawingPart": "drawings", "ChartPart": "charts", "ExtendedChartPart": "charts", "ChartStylePart": "charts",
    "ChartColorStylePart": "charts", "TableDefinitionPart": "tables", "PivotTablePart": "pivotTables",
    "PivotTableCacheDefinitionPart": "pivotCache", "PivotTableCacheRecordsPart": "pivotCache", "DiagramDataPart": "diagrams",
    "DiagramColorsPart": "diagrams", "DiagramLayoutDefinitionPart": "diagrams", "DiagramStylePart": "diagrams",
    "DiagramPersistLayoutPart": "diagrams", "SlideCommentsPart": "comments", "PowerPointCommentPart": "comments",
}

# Text that a program reads as more than words has a grammar of its own.
FORMULA_ELEMENTS = set(
    "x:f x:formula x:oldFormula x:formula1 x:formula2 x:calculatedColumnFormula x:totalsRowFormula x:definedName xne:f c:f"
    " c15:f c15:sqref cx:f cx:nf xr:f xr:formula".split()
)
FORMULA_ATTRIBUTES = {
    ("x:cfvo", "val"), ("x:cacheField", "formula"), ("x:calculatedItem", "formula"), ("x:hyperlink", "location"),
    # A name, or columns of a table: `表1[[#All],[列1]]`.
    ("x:worksheetSource", "name"),
}
# Names that a program resolves: of a sheet, a range, a bookmark.
NAME_ATTRIBUTES = {
    ("x:worksheetSource", "sheet"), ("x:worksheetSource", "ref"), ("x:rangeSet", "name"),
    ("x:rangeSet", "sheet"), ("x:rangeSet", "ref"), ("x:inputCells", "val"), ("w:hyperlink", "anchor"),
}
FIELD_ELEMENTS = {"w:instrText", "w:delInstrText"}
NUMBER_FORMAT_ELEMENTS = {"c:formatCode"}
HEADER_ELEMENTS = {f"{p}:{s}{k}" for p in ("x", "c", "cx") for s in ("odd", "even", "first") for k in ("Header", "Footer")}

DRAWN_LETTERS = "a:CT_TextCharacterProperties/a:rPr"
# The extension of a chart, published as if it were what stands in it.
OF_CHART = "c16r3:CT_DataDisplayOptions16/c:ext"
IN_EXTENSIONS = {
    OF_CHART: ["c16r3:CT_DataDisplayOptions16/c16r3:dataDisplayOptions16"],
    "a:CT_OfficeArtExtension/a:ext": ["a16:CT_Identifier/a16:rowId", "a16:CT_Identifier/a16:colId"],
}

types, by_class, enums, enums_by_name = {}, {}, {}, {}
for path in sorted(glob.glob(DATA + "schemas/*.json")):
    schema = load(path)
    for enum in schema.get("Enums", []):
        values = [facet["Value"] for facet in enum["Facets"]]
        enums[(path, enum["Name"])] = values
        enums_by_name.setdefault(enum["Name"], []).extend(values)
        if enum.get("Type"):
            enums_by_name.setdefault(enum["Type"], []).extend(values)
    for entry in schema.get("Types", []):
        entry["path"] = path
        types[entry["Name"]] = entry
        by_class[(path, entry["ClassName"])] = entry

types[OF_CHART] = {
    **{key: value for key, value in types[OF_CHART].items() if key not in ("Children", "Particle")},
    "Attributes": types["c:CT_Extension/c:ext"]["Attributes"],
}


def chain(entry):
    found = [entry]
    while True:
        base = by_class.get((entry["path"], entry["BaseClass"]))
        if base is None or base is entry:
            return found
        found.append(base)
        entry = base


def element(name):
    return name.split("/")[1]


def prefix(name):
    return name.split(":")[0]


def kept(entry):
    name = element(entry["Name"])
    return (
        not entry.get("IsAbstract")
        and name
        and prefix(name) not in DENIED_NAMESPACES
        and prefix(entry["Name"].split("/")[0]) not in DENIED_NAMESPACES
        and name not in DENIED_ELEMENTS
    )


order = [entry for entry in types.values() if kept(entry)]


def children(entry):
    names = []
    for step in chain(entry):
        names += [child["Name"] for child in step.get("Children", [])]
        names += step.get("AdditionalElements", [])
    # The published children of w:sdt lack its properties.
    if element(entry["Name"]) == "w:sdt":
        names = ["w:CT_SdtPr/w:sdtPr", "w:CT_SdtEndPr/w:sdtEndPr"] + names
    # What stands in an equation of a drawing is not said at all: there the letters have the properties of drawings.
    if element(entry["Name"]) == "a14:m":
        names += ["m:CT_OMathPara/m:oMathPara", "m:CT_OMath/m:oMath"]
    if element(entry["Name"]) in ("m:r", "m:ctrlPr"):
        names += [DRAWN_LETTERS]
    # What the newest programs keep of a chart and of the rows and columns of a table, in extensions of which is not said what they hold.
    names += IN_EXTENSIONS.get(entry["Name"], [])
    # Word writes its text effects into the properties of styles and list symbols, too.
    if element(entry["Name"]) == "w:rPr":
        names += [child["Name"] for child in types["w:CT_RPr/w:rPr"]["Children"] if child["Name"].startswith("w14:")]
    return [name for name in dict.fromkeys(names) if name in types and kept(types[name])]


# Only what can be reached from the root of a part.
parts = []
for path in sorted(glob.glob(DATA + "parts/*.json")):
    part = load(path)
    if part["Name"] not in PARTS:
        continue
    roots = [entry["Name"] for entry in order if entry.get("Part") == part["Name"]]
    if not roots:
        roots = [
            entry["Name"] for entry in order
            if part.get("Root") and entry["Name"].startswith(part["Root"] + "/") and entry["Name"].endswith(":" + part.get("RootElement", ""))
        ]
    if not roots and part["Name"] == "StyleDefinitionsPart":
        roots = ["w:CT_Styles/w:styles"]
    if not roots:
        sys.exit(f"no root for {part['Name']}")
    parts.append((part, roots[0]))
missing = set(PARTS) - {part["Name"] for part, _ in parts}
if missing:
    sys.exit(f"no such part: {sorted(missing)}")

reached, waiting = {}, [root for _, root in parts]
while waiting:
    name = waiting.pop()
    if name not in reached:
        reached[name] = True
        waiting += children(types[name])
order = [entry for entry in order if entry["Name"] in reached]
number = {entry["Name"]: index for index, entry in enumerate(order)}


def occurs(item):
    found = item.get("Occurs")
    if not found:
        return ""
    low, high = found[0].get("Min", 0), found[0].get("Max")
    if (low, high) == (0, 1):
        return "?"
    if (low, high) == (0, None):
        return "*"
    if (low, high) == (1, None):
        return "+"
    if (low, high) == (1, 1):
        return ""
    return "{%d,%s}" % (low, "" if high is None else high)


def particle(item, entry, seen):
    """The item as text, and whether something denied was taken out of it."""
    if "Kind" not in item:
        name = item["Name"]
        if name not in number:
            return None
        seen.add(name)
        return f"{number[name]}{occurs(item)}"
    if item["Kind"] == "Any":
        return None
    found = [particle(each, entry, seen) for each in item.get("Items", [])]
    lost = any(each is None for each in found)
    found = [each for each in found if each]
    if not found:
        return None
    mark = {"Sequence": ",", "Choice": "|", "All": "&", "Group": ","}[item["Kind"]]
    suffix = occurs(item)
    if lost and mark == "|":
        # What was taken out may have been the one that was needed.
        suffix = {"": "?", "?": "?", "*": "*", "+": "*"}.get(suffix, "*")
    return f"{mark}({' '.join(found)}){suffix}"


def content(entry):
    names = children(entry)
    seen = set()
    model = next((step["Particle"] for step in chain(entry) if "Particle" in step), None)
    text = particle(model, entry, seen) if model else None
    left = [name for name in names if name not in seen]
    if element(entry["Name"]) == "w:sdt" and text:
        first = [str(number[name]) + "?" for name in left if element(name) in ("w:sdtPr", "w:sdtEndPr")]
        left = [name for name in left if element(name) not in ("w:sdtPr", "w:sdtEndPr")]
        text = f",({' '.join(first)} {text})"
    if element(entry["Name"]) == "a14:m":
        return f"|({' '.join(str(number[name]) for name in left)})?"
    if DRAWN_LETTERS in left and element(entry["Name"]) == "m:r":
        # In the place of those of Word: behind the properties of the equation, before the letters.
        left.remove(DRAWN_LETTERS)
        own, rest = text.split(" ", 1)
        text = f"{own} {number[DRAWN_LETTERS]}? {rest}"
    if DRAWN_LETTERS in left and element(entry["Name"]) == "m:ctrlPr":
        left.remove(DRAWN_LETTERS)
        text = f"|({text} {number[DRAWN_LETTERS]})"
    if element(entry["Name"]) == "c:stockChart":
        # Excel spreads the three or four series over two such charts where some have an axis of their own.
        text = text.replace("{3,4}", "{1,4}")
    if left:
        loose = f"|({' '.join(str(number[name]) for name in left)})*"
        text = f",({text} {loose})" if text else loose
    return text or ""


INTEGERS = {
    "SByteValue": (-128, 127), "ByteValue": (0, 255), "Int16Value": (-(2**15), 2**15 - 1), "UInt16Value": (0, 2**16 - 1),
    "Int32Value": (-(2**31), 2**31 - 1), "UInt32Value": (0, 2**32 - 1), "Int64Value": (-(2**63), 2**63 - 1),
    "UInt64Value": (0, 2**63 - 1), "IntegerValue": (-(2**63), 2**63 - 1),
}
MEASURE = re.compile(r"mm\|cm|%")


def attribute_kind(attribute, entry, owner):
    name, declared = attribute["QName"], attribute["Type"]
    base = declared.split("<")[0]
    vocabulary, local = name.split(":")
    on = element(owner["Name"])
    if vocabulary == "r":
        return "R", ""
    if base in ("BooleanValue", "OnOffValue"):
        return "B", ""
    if base in ("TrueFalseValue", "TrueFalseBlankValue"):
        return "V", ""
    validators = attribute.get("Validators", [])
    if base in INTEGERS:
        low, high = INTEGERS[base]
        for validator in validators:
            if validator["Name"] == "NumberValidator" and "UnionId" not in validator:
                for argument in validator.get("Arguments", []):
                    if argument.get("Name") == "MinInclusive":
                        low = max(low, int(float(argument["Value"])))
                    if argument.get("Name") == "MaxInclusive":
                        high = min(high, int(float(argument["Value"])))
        return "I", f"{low}..{high}"
    if base in ("DecimalValue", "DoubleValue", "SingleValue"):
        return "F", ""
    if base == "HexBinaryValue":
        return "H", ""
    if base == "Base64BinaryValue":
        return None
    if base == "DateTimeValue":
        return "D", ""
    if base == "ListValue":
        return "L", ""
    if base == "EnumValue":
        enum = declared[declared.index("<") + 1 : -1].split(".")[-1]
        values = enums.get((entry["path"], enum)) or enums_by_name.get(enum)
        if values:
            return "E", "|".join(dict.fromkeys(values))
        return "K", "64"
    if (on, local) == ("dgm:param", "val"):
        # Where connectors of an organisation chart begin and end may be several places.
        return "L", ""
    longest, patterns, number_kind, token = 32767, [], False, False
    for validator in validators:
        number_kind |= validator["Name"] == "NumberValidator"
        for argument in validator.get("Arguments", []):
            if argument.get("Name") == "MaxLength" and "UnionId" not in validator:
                longest = min(longest, int(argument["Value"]))
            if argument.get("Name") == "Pattern":
                patterns.append(argument["Value"])
    union = any("UnionId" in validator for validator in validators)
    if prefix(on) == "v" or vocabulary in ("o", "v") or prefix(on) in ("o", "w10"):
        if local == "style":
            return "Y", ""
        if local in ("path", "v", "eqn"):
            return "Q", ""
    if (on, local) in FORMULA_ATTRIBUTES:
        return "W", ""
    if (on, local) in NAME_ATTRIBUTES:
        return "J", ""
    if local == "action" and prefix(on) == "a":
        return "A", ""
    if local in ("instr",) and vocabulary == "w":
        return "G", ""
    if local == "formatCode":
        return "C", "255"
    if patterns and all(MEASURE.search(each) for each in patterns):
        return "M", ""
    if union:
        return "K", "256"
    if number_kind:
        return "M", ""
    if patterns and all("A-F" in each for each in patterns):
        return "K", "64"
    return "S", str(max(longest, 1))


def text_kind(entry):
    name = element(entry["Name"])
    leaf = any(step.get("IsLeafText") for step in chain(entry))
    if not leaf:
        return "-"
    if name in FORMULA_ELEMENTS:
        return "X"
    if name in FIELD_ELEMENTS:
        return "G"
    if name in NUMBER_FORMAT_ELEMENTS:
        return "C"
    declared = entry["Name"].split("/")[0]
    if declared.startswith("xsd:") and declared not in ("xsd:string", "xsd:dateTime"):
        return "K"
    return "T"


used, lines = set(), []
for entry in order:
    name = element(entry["Name"])
    used.add(prefix(name))
    attributes, seen = [], set()
    for step in chain(entry):
        for attribute in step.get("Attributes", []):
            qualified = attribute["QName"]
            if qualified in seen:
                continue
            seen.add(qualified)
            vocabulary, local = qualified.split(":")
            if qualified == "c16r3:val":
                # Published with the element's vocabulary, written without one.
                qualified, vocabulary = ":val", ""
            if (
                qualified in DENIED_ATTRIBUTES
                or (name, qualified) in DENIED_PAIRS
                or (local in DENIED_LOCAL_ATTRIBUTES and vocabulary in ("", prefix(name)) and (name, qualified) not in ALLOWED_PAIRS)
                or vocabulary in DENIED_NAMESPACES
            ):
                continue
            kind = attribute_kind(attribute, step, entry)
            if kind is None:
                continue
            required = any(validator["Name"] == "RequiredValidator" for validator in attribute.get("Validators", []))
            used.add(vocabulary)
            attributes.append(f"{qualified},{kind[0]},{int(required)},{kind[1]}")
    lines.append("\t".join(["T", entry["Name"], text_kind(entry), content(entry), ";".join(attributes)]))

namespaces = [(name, uri) for name, uri in NAMESPACES.items() if name in used or name in ("mc", "r")]
namespaces.sort(key=lambda each: each[0] != "")
for name, uri in namespaces:
    print("\t".join(["N", name, uri]))
print("\n".join(lines))
for part, root in parts:
    stem = part["Target"].rstrip("0123456789")
    content_type = part.get("ContentType") or MAIN_TYPES[part["Name"]]
    targets = [child["Name"] for child in part.get("Children", []) if child["Name"] in PARTS or child["Name"] == "ImagePart"]
    print("\t".join(["P", part["Name"], part["RelationshipType"], content_type, DIRECTORIES.get(part["Name"], ""), stem, str(number[root]), " ".join(targets)]))
