//! Keys, words, and which of them are asked for; the same in every run.

/// Returns the `n`th of a sequence of numbers that look random (SplitMix64).
#[must_use]
pub fn random(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `count` different keys, in no order.
#[must_use]
pub fn keys(count: usize) -> Vec<u64> {
    (0..count as u64).map(random).collect()
}

/// Returns `count` different words of 3 to 14 letters, eight and a half on average.
#[must_use]
pub fn words(count: usize) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let mut numbers = (0..).map(random);
    let mut word = || {
        let mut bits = numbers.next().unwrap();
        let length = 3 + bits % 12;
        bits /= 12;
        let mut letters = String::new();
        for _ in 0..length {
            letters.push((b'a' + (bits % 26) as u8) as char);
            bits /= 26;
        }
        letters
    };
    let mut words = Vec::new();
    while words.len() < count {
        let word = word();
        if seen.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

/// Draws numbers below `of` by Zipf's law with the exponent 0.99: the most frequent one is 0.
#[must_use]
pub fn zipf(of: usize, draws: usize) -> Vec<u32> {
    let weights = (1..=of).map(|rank| (rank as f64).powf(-0.99));
    let sums: Vec<f64> = weights
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    let total = sums[of - 1];
    // Other numbers than those that the keys were made of.
    let draw = |n: u64| {
        let uniform = (random(u64::MAX / 2 + n) >> 11) as f64 / (1u64 << 53) as f64;
        sums.partition_point(|&sum| sum <= uniform * total) as u32
    };
    (0..draws as u64).map(draw).collect()
}
