use leptos::prelude::*;

/// Room for the numbers of the axis, and for the words below.
const LEFT: u64 = 40;
const BELOW: u64 = 22;
const ABOVE: u64 = 10;

/// Bars for days, each of two parts on top of each other; `other`: the class of the upper one. `size`: width and height in units of which a letter has about
/// 6. `words`: the chart for those who do not see it. `marks`: the
/// text below a bar, by its number.
pub fn bars(
    days: Vec<(u64, u64)>,
    other: &'static str,
    (wide, high): (u64, u64),
    words: String,
    marks: Vec<(usize, String)>,
) -> impl IntoView {
    let most = days.iter().map(|(one, other)| one + other).max().unwrap_or(0);
    let top = round_up(most);
    let (plot, floor) = (high - BELOW - ABOVE, high - BELOW);
    let count = u64::try_from(days.len()).unwrap_or(1).max(1);
    let place = move |number: usize| LEFT + (wide - LEFT) * u64::try_from(number).unwrap_or(0) / count;
    let width = ((wide - LEFT) / count).saturating_sub(1).max(1);
    let tall = move |n: u64| if n == 0 { 0 } else { (n * plot / top).max(1) };
    let lines = [top / 2, top].into_iter().filter(|n| *n > 0).map(move |n| {
        let y = floor - tall(n);
        view! {
            <line class="gridline" x1=LEFT x2=wide y1=y y2=y/>
            <text x=LEFT - 6 y=y + 4 text-anchor="end">{n}</text>
        }
    });
    let class = format!("bar {other}");
    let bars = days.into_iter().enumerate().filter(|(_, (one, other))| one + other > 0);
    let bars = bars.map(move |(number, (one, other))| {
        let x = place(number);
        view! {
            <rect class="bar" x=x y=floor - tall(one) width=width height=tall(one)/>
            <rect class=class.clone() x=x y=floor - tall(one) - tall(other) width=width height=tall(other)/>
        }
    });
    let marks = marks.into_iter().map(move |(number, text)| {
        // A letter is about 6 wide; what would not fit ends where the chart ends.
        let end = place(number) + 6 * u64::try_from(text.len()).unwrap_or(0);
        let (x, anchor) = if end > wide { (wide, "end") } else { (place(number), "start") };
        view! { <text x=x y=high - 6 text-anchor=anchor>{text}</text> }
    });
    let class = if wide > 600 { "plot long" } else { "plot" };
    view! {
        <div class=class tabindex="0">
            <svg class="chart" viewBox=format!("0 0 {wide} {high}") role="img" aria-label=words>
                {lines.collect_view()}
                <line class="axis" x1=LEFT x2=wide y1=floor y2=floor/>
                {bars.collect_view()}
                {marks.collect_view()}
            </svg>
        </div>
    }
}

/// The next even number with one or two leading digits.
fn round_up(n: u64) -> u64 {
    let mut unit = 1;
    while n / unit >= 20 {
        unit *= 10;
    }
    (n.div_ceil(2 * unit) * 2 * unit).max(2)
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn the_axis_ends_above_the_highest_bar() {
        for (n, top) in [(0, 2), (1, 2), (3, 4), (19, 20), (61, 80), (100, 100), (4218, 6000)] {
            assert_eq!(round_up(n), top, "{n}");
        }
    }
}
