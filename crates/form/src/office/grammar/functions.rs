//! Functions of worksheets that compute from their arguments and their own workbook.

/// Whether the function is one of those. `name` is in capitals and without the prefixes of later additions.
pub(super) fn is_pure(name: &str) -> bool {
    let key = key(name);
    let first = KEYS.partition_point(|known| *known < key);
    let alike = KEYS.iter().zip(FUNCTIONS).skip(first).take_while(|(known, _)| **known == key);
    alike.into_iter().any(|(_, known)| *known == name)
}

/// The first eight letters as a number: numbers stand in the order of the names, and to compare them is no call. A sheet may ask for a
/// million names.
const fn key(name: &str) -> u64 {
    let (mut key, mut rest, mut left) = (0_u64, name.as_bytes(), 8_u8);
    while left > 0 {
        let letter = match rest {
            [first, more @ ..] => {
                rest = more;
                *first
            }
            [] => 0,
        };
        key = key << 8 | letter as u64;
        left = left.saturating_sub(1);
    }
    key
}

/// The numbers of [`FUNCTIONS`].
static KEYS: [u64; FUNCTIONS.len()] = {
    let mut keys = [0; FUNCTIONS.len()];
    let (mut names, mut places) = (FUNCTIONS, keys.as_mut_slice());
    while let ([name, more @ ..], [place, rest @ ..]) = (names, places) {
        *place = key(name);
        (names, places) = (more, rest);
    }
    keys
};

/// The functions of ECMA-376 part 1, section 18.17.7, the ones Excel has added since ([MS-XLSX] section 2.2.2, "future
/// functions"), and those that LibreOffice writes under its own prefix; sorted.
///
/// Left out because they load, run or tell something outside the workbook: `CALL`, `CUBE…`, `FILTERXML` (which only reads what
/// `WEBSERVICE` has loaded), `IMAGE`, `IMPORT…`, `INFO`, `PY`, `REGISTER.ID`, `RTD`, `SQL.REQUEST`, `STOCKHISTORY`,
/// `TRANSLATE`, `DETECTLANGUAGE`, `COPILOT`, `WEBSERVICE`, LibreOffice's `DDE`, and every function of macro sheets.
/// `HYPERLINK` is here because what it leads to is judged beside it.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "ABS", "ACCRINT", "ACCRINTM", "ACOS", "ACOSH", "ACOT", "ACOTH", "ADDRESS", "AGGREGATE", "AMORDEGRC", "AMORLINC",
    "ANCHORARRAY", "AND", "ARABIC", "AREAS", "ARRAYTOTEXT", "ASC", "ASIN", "ASINH", "ATAN", "ATAN2", "ATANH",
    "AVEDEV", "AVERAGE", "AVERAGEA", "AVERAGEIF", "AVERAGEIFS", "B", "BAHTTEXT", "BASE", "BESSELI", "BESSELJ",
    "BESSELK", "BESSELY", "BETA.DIST", "BETA.INV", "BETADIST", "BETAINV", "BIN2DEC", "BIN2HEX", "BIN2OCT",
    "BINOM.DIST", "BINOM.DIST.RANGE", "BINOM.INV", "BINOMDIST", "BITAND", "BITLSHIFT", "BITOR", "BITRSHIFT", "BITXOR",
    "BYCOL", "BYROW", "CEILING", "CEILING.MATH", "CEILING.PRECISE", "CELL", "CHAR", "CHIDIST", "CHIINV", "CHISQ.DIST",
    "CHISQ.DIST.RT", "CHISQ.INV", "CHISQ.INV.RT", "CHISQ.TEST", "CHISQDIST", "CHISQINV", "CHITEST", "CHOOSE",
    "CHOOSECOLS", "CHOOSEROWS", "CLEAN", "CODE", "COLUMN", "COLUMNS", "COMBIN", "COMBINA", "COMPLEX", "CONCAT",
    "CONCATENATE", "CONFIDENCE", "CONFIDENCE.NORM", "CONFIDENCE.T", "CONVERT", "CORREL", "COS", "COSH", "COT", "COTH",
    "COUNT", "COUNTA", "COUNTBLANK", "COUNTIF", "COUNTIFS", "COUPDAYBS", "COUPDAYS", "COUPDAYSNC", "COUPNCD",
    "COUPNUM", "COUPPCD", "COVAR", "COVARIANCE.P", "COVARIANCE.S", "CRITBINOM", "CSC", "CSCH", "CUMIPMT", "CUMPRINC",
    "DATE", "DATEDIF", "DATESTRING", "DATEVALUE", "DAVERAGE", "DAY", "DAYS", "DAYS360", "DB", "DBCS", "DCOUNT",
    "DCOUNTA", "DDB", "DEC2BIN", "DEC2HEX", "DEC2OCT", "DECIMAL", "DEGREES", "DELTA", "DEVSQ", "DGET", "DISC", "DMAX",
    "DMIN", "DOLLAR", "DOLLARDE", "DOLLARFR", "DPRODUCT", "DROP", "DSTDEV", "DSTDEVP", "DSUM", "DURATION", "DVAR",
    "DVARP", "ECMA.CEILING", "EDATE", "EFFECT", "ENCODEURL", "EOMONTH", "ERF", "ERF.PRECISE", "ERFC", "ERFC.PRECISE",
    "ERROR.TYPE", "EUROCONVERT", "EVEN", "EXACT", "EXP", "EXPAND", "EXPON.DIST", "EXPONDIST", "F.DIST", "F.DIST.RT",
    "F.INV", "F.INV.RT", "F.TEST", "FACT", "FACTDOUBLE", "FALSE", "FDIST", "FILTER", "FIND", "FINDB", "FINV",
    "FISHER", "FISHERINV", "FIXED", "FLOOR", "FLOOR.MATH", "FLOOR.PRECISE", "FORECAST", "FORECAST.ETS",
    "FORECAST.ETS.CONFINT", "FORECAST.ETS.SEASONALITY", "FORECAST.ETS.STAT", "FORECAST.LINEAR", "FORMULATEXT",
    "FREQUENCY", "FTEST", "FV", "FVSCHEDULE", "GAMMA", "GAMMA.DIST", "GAMMA.INV", "GAMMADIST", "GAMMAINV", "GAMMALN",
    "GAMMALN.PRECISE", "GAUSS", "GCD", "GEOMEAN", "GESTEP", "GETPIVOTDATA", "GROUPBY", "GROWTH", "HARMEAN", "HEX2BIN",
    "HEX2DEC", "HEX2OCT", "HLOOKUP", "HOUR", "HSTACK", "HYPERLINK", "HYPGEOM.DIST", "HYPGEOMDIST", "IF", "IFERROR",
    "IFNA", "IFS", "IMABS", "IMAGINARY", "IMARGUMENT", "IMCONJUGATE", "IMCOS", "IMCOSH", "IMCOT", "IMCSC", "IMCSCH",
    "IMDIV", "IMEXP", "IMLN", "IMLOG10", "IMLOG2", "IMPOWER", "IMPRODUCT", "IMREAL", "IMSEC", "IMSECH", "IMSIN",
    "IMSINH", "IMSQRT", "IMSUB", "IMSUM", "IMTAN", "INDEX", "INDIRECT", "INT", "INTERCEPT", "INTRATE", "IPMT", "IRR",
    "ISBLANK", "ISERR", "ISERROR", "ISEVEN", "ISFORMULA", "ISLOGICAL", "ISNA", "ISNONTEXT", "ISNUMBER", "ISO.CEILING",
    "ISODD", "ISOMITTED", "ISOWEEKNUM", "ISPMT", "ISREF", "ISTEXT", "ISTHAIDIGIT", "JIS", "KURT", "LAMBDA", "LARGE",
    "LCM", "LEFT", "LEFTB", "LEN", "LENB", "LET", "LINEST", "LN", "LOG", "LOG10", "LOGEST", "LOGINV", "LOGNORM.DIST",
    "LOGNORM.INV", "LOGNORMDIST", "LOOKUP", "LOWER", "MAKEARRAY", "MAP", "MATCH", "MAX", "MAXA", "MAXIFS", "MDETERM",
    "MDURATION", "MEDIAN", "MID", "MIDB", "MIN", "MINA", "MINIFS", "MINUTE", "MINVERSE", "MIRR", "MMULT", "MOD",
    "MODE", "MODE.MULT", "MODE.SNGL", "MONTH", "MROUND", "MULTINOMIAL", "MUNIT", "MVALUE", "N", "NA", "NEGBINOM.DIST",
    "NEGBINOMDIST", "NETWORKDAYS", "NETWORKDAYS.INTL", "NOMINAL", "NORM.DIST", "NORM.INV", "NORM.S.DIST",
    "NORM.S.INV", "NORMDIST", "NORMINV", "NORMSDIST", "NORMSINV", "NOT", "NOW", "NPER", "NPV", "NUMBERSTRING",
    "NUMBERVALUE", "OCT2BIN", "OCT2DEC", "OCT2HEX", "ODD", "ODDFPRICE", "ODDFYIELD", "ODDLPRICE", "ODDLYIELD",
    "OFFSET", "OR", "ORG.LIBREOFFICE.COLOR", "ORG.LIBREOFFICE.FORECAST.ETS.MULT",
    "ORG.LIBREOFFICE.FORECAST.ETS.PI.MULT", "ORG.LIBREOFFICE.FORECAST.ETS.STAT.MULT", "ORG.LIBREOFFICE.FOURIER",
    "ORG.LIBREOFFICE.RAND.NV", "ORG.LIBREOFFICE.RANDBETWEEN.NV", "ORG.LIBREOFFICE.RAWSUBTRACT",
    "ORG.LIBREOFFICE.REGEX", "ORG.LIBREOFFICE.ROUNDSIG", "ORG.LIBREOFFICE.WEEKNUM_OOO", "ORG.OPENOFFICE.CONVERT",
    "ORG.OPENOFFICE.CURRENT", "ORG.OPENOFFICE.EASTERSUNDAY", "ORG.OPENOFFICE.ERRORTYPE", "ORG.OPENOFFICE.GOALSEEK",
    "ORG.OPENOFFICE.MULTIRANGE", "ORG.OPENOFFICE.STYLE", "PDURATION", "PEARSON", "PERCENTILE", "PERCENTILE.EXC",
    "PERCENTILE.INC", "PERCENTOF", "PERCENTRANK", "PERCENTRANK.EXC", "PERCENTRANK.INC", "PERMUT", "PERMUTATIONA",
    "PHI", "PHONETIC", "PI", "PIVOTBY", "PMT", "POISSON", "POISSON.DIST", "POWER", "PPMT", "PRICE", "PRICEDISC",
    "PRICEMAT", "PROB", "PRODUCT", "PROPER", "PV", "QUARTILE", "QUARTILE.EXC", "QUARTILE.INC", "QUOTIENT", "RADIANS",
    "RAND", "RANDARRAY", "RANDBETWEEN", "RANK", "RANK.AVG", "RANK.EQ", "RATE", "RECEIVED", "REDUCE", "REGEXEXTRACT",
    "REGEXREPLACE", "REGEXTEST", "REPLACE", "REPLACEB", "REPT", "RIGHT", "RIGHTB", "ROMAN", "ROUND", "ROUNDBAHTDOWN",
    "ROUNDBAHTUP", "ROUNDDOWN", "ROUNDUP", "ROW", "ROWS", "RRI", "RSQ", "SCAN", "SEARCH", "SEARCHB", "SEC", "SECH",
    "SECOND", "SEQUENCE", "SERIESSUM", "SHEET", "SHEETS", "SIGN", "SIN", "SINGLE", "SINH", "SKEW", "SKEW.P", "SLN",
    "SLOPE", "SMALL", "SORT", "SORTBY", "SQRT", "SQRTPI", "STANDARDIZE", "STDEV", "STDEV.P", "STDEV.S", "STDEVA",
    "STDEVP", "STDEVPA", "STEYX", "SUBSTITUTE", "SUBTOTAL", "SUM", "SUMIF", "SUMIFS", "SUMPRODUCT", "SUMSQ",
    "SUMX2MY2", "SUMX2PY2", "SUMXMY2", "SWITCH", "SYD", "T", "T.DIST", "T.DIST.2T", "T.DIST.RT", "T.INV", "T.INV.2T",
    "T.TEST", "TAKE", "TAN", "TANH", "TBILLEQ", "TBILLPRICE", "TBILLYIELD", "TDIST", "TEXT", "TEXTAFTER",
    "TEXTBEFORE", "TEXTJOIN", "TEXTSPLIT", "THAIDAYOFWEEK", "THAIDIGIT", "THAIMONTHOFYEAR", "THAINUMSOUND",
    "THAINUMSTRING", "THAISTRINGLENGTH", "THAIYEAR", "TIME", "TIMEVALUE", "TINV", "TOCOL", "TODAY", "TOROW",
    "TRANSPOSE", "TREND", "TRIM", "TRIMMEAN", "TRIMRANGE", "TRUE", "TRUNC", "TTEST", "TYPE", "UNICHAR", "UNICODE",
    "UNIQUE", "UPPER", "USDOLLAR", "VALUE", "VALUETOTEXT", "VAR", "VAR.P", "VAR.S", "VARA", "VARP", "VARPA", "VDB",
    "VLOOKUP", "VSTACK", "WEEKDAY", "WEEKNUM", "WEIBULL", "WEIBULL.DIST", "WORKDAY", "WORKDAY.INTL", "WRAPCOLS",
    "WRAPROWS", "XIRR", "XLOOKUP", "XMATCH", "XNPV", "XOR", "YEAR", "YEARFRAC", "YEN", "YIELD", "YIELDDISC",
    "YIELDMAT", "Z.TEST", "ZTEST", "_TRO_ALL", "_TRO_LEADING", "_TRO_TRAILING",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_in_capitals() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a < b));
        assert!(FUNCTIONS.iter().all(|name| !name.bytes().any(|b| b.is_ascii_lowercase())));
    }

    #[test]
    fn names_that_begin_alike_are_told_apart() {
        assert!(FUNCTIONS.iter().all(|name| is_pure(name)));
        for other in
            ["", "A", "AB", "ABSS", "COUPDAYBX", "COUPDAYBSS", "FORECAST.ETS.STATX", "ORG.LIBREOFFICE", "ZZ", "\u{7F}"]
        {
            assert!(!is_pure(other), "{other}");
        }
    }
}
