//! Cost from tokens and the prices that the user entered.

use okcvm_protocol::{Prices, Usage};

/// The same usage with its cost by the user's prices; unknown tokens leave it unknown. Without prices the
/// provider's own figure stays.
pub(crate) fn priced(mut usage: Usage, prices: Option<&Prices>) -> Usage {
    let Some(prices) = prices else { return usage };
    usage.cost = None;
    usage.cost_currency = None;
    if let (Some(input), Some(output)) = (usage.input_tokens, usage.output_tokens) {
        let cached = usage.cached_tokens.unwrap_or(0).min(input);
        let cost = (input - cached) as f64 * prices.input
            + cached as f64 * prices.cached_input.unwrap_or(prices.input)
            + output as f64 * prices.output;
        usage.cost = Some(cost / 1e6);
        usage.cost_currency = Some(prices.currency.clone());
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(cached_input: Option<f64>) -> Prices {
        Prices { currency: "EUR".into(), input: 2.0, cached_input, output: 10.0 }
    }

    #[test]
    fn cached_tokens_have_their_own_price() {
        let usage = Usage {
            input_tokens: Some(1_000_000),
            output_tokens: Some(100_000),
            cached_tokens: Some(500_000),
            cost: Some(99.0),
            cost_currency: Some("USD".into()),
            ..Usage::default()
        };
        let cached = priced(usage.clone(), Some(&prices(Some(0.5))));
        assert_eq!((cached.cost, cached.cost_currency.as_deref()), (Some(2.25), Some("EUR")));
        assert_eq!(priced(usage.clone(), Some(&prices(None))).cost, Some(3.0));
        assert_eq!(priced(usage.clone(), None), usage);
    }

    #[test]
    fn unknown_tokens_have_no_cost() {
        let usage = Usage { input_tokens: Some(10), ..Usage::default() };
        assert_eq!(priced(usage, Some(&prices(None))).cost, None);
    }
}
