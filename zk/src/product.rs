//! Products in the prime fields of BN254: what sums of points and transforms spend their time on.
//!
//! Montgomery's product with one row of the second factor at a time ("CIOS"; Koç, Acar and Kaliski,
//! "Analyzing and Comparing Montgomery Multiplication Algorithms", IEEE Micro 1996), without the carry
//! word that moduli with a free top bit do not need (El Housni and Botrel, "Faster big-integer modular
//! multiplication for most moduli", 2020; both moduli have two). On x86-64 processors with `mulx`,
//! `adcx` and `adox` (found out at run time) the rows are written in assembly, because two chains of
//! carries side by side cannot be said in Rust; that takes three fifths of the time. Everywhere else
//! the product is arkworks'. Either gives the same bits, which tests compare.
//!
//! This is the only module of the workspace with `unsafe`. Depends on arkworks' fields only.

use ark_bn254::{Fq, Fr};

/// A field with a product that is the fastest which this machine has.
pub(crate) trait Product {
    /// The product.
    #[must_use]
    fn product(&self, other: &Self) -> Self;
}

impl Product for Fq {
    #[inline]
    fn product(&self, other: &Self) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(limbs) = assembly::product(&self.0.0, &other.0.0, &assembly::BASE) {
            return Self::new_unchecked(ark_ff::BigInt(limbs));
        }
        *self * other
    }
}

impl Product for Fr {
    #[inline]
    fn product(&self, other: &Self) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(limbs) = assembly::product(&self.0.0, &other.0.0, &assembly::SCALAR) {
            return Self::new_unchecked(ark_ff::BigInt(limbs));
        }
        *self * other
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod assembly {
    use std::arch::{asm, is_x86_feature_detected};

    use ark_bn254::{FqConfig, FrConfig};
    use ark_ff::MontConfig;

    /// What the assembly reads of a field, at the offsets that it is written for.
    #[repr(C)]
    pub(super) struct Modulus {
        limbs: [u64; 4],
        /// `−limbs[0]^{−1}` modulo 2^64.
        inverse: u64,
    }

    impl Modulus {
        const fn of<C: MontConfig<4>>() -> Self {
            // Two free bits: no row's sum leaves five limbs, and the result is below twice the modulus.
            assert!(C::MODULUS.0[3] >> 62 == 0);
            Self { limbs: C::MODULUS.0, inverse: C::INV }
        }
    }

    /// Of the coordinates of points.
    pub(super) static BASE: Modulus = Modulus::of::<FqConfig>();

    /// Of scalars.
    pub(super) static SCALAR: Modulus = Modulus::of::<FrConfig>();

    /// `t += a·b[offset]`, five limbs, `t4` last: low halves on one chain of carries, high halves on the
    /// other. `xor` clears both.
    macro_rules! row {
        ($offset:literal) => {
            concat!(
                "mov rdx, [{b} + ",
                $offset,
                "]\n",
                "xor eax, eax\n",
                "mulx {t4}, rax, [{a}]\n",
                "adox {t0}, rax\n",
                "adcx {t1}, {t4}\n",
                "mulx {t4}, rax, [{a} + 8]\n",
                "adox {t1}, rax\n",
                "adcx {t2}, {t4}\n",
                "mulx {t4}, rax, [{a} + 16]\n",
                "adox {t2}, rax\n",
                "adcx {t3}, {t4}\n",
                "mulx {t4}, rax, [{a} + 24]\n",
                "adox {t3}, rax\n",
                "mov eax, 0\n",
                "adcx {t4}, rax\n",
                "adox {t4}, rax\n",
            )
        };
    }

    /// The first row: `t = a·b[0]`.
    macro_rules! first_row {
        () => {
            concat!(
                "mov rdx, [{b}]\n",
                "xor eax, eax\n",
                "mulx {t1}, {t0}, [{a}]\n",
                "mulx {t2}, rax, [{a} + 8]\n",
                "adox {t1}, rax\n",
                "mulx {t3}, rax, [{a} + 16]\n",
                "adox {t2}, rax\n",
                "mulx {t4}, rax, [{a} + 24]\n",
                "adox {t3}, rax\n",
                "mov eax, 0\n",
                "adox {t4}, rax\n",
            )
        };
    }

    /// `t = (t + m·modulus) / 2^64`, for the `m` that makes the lowest limb zero.
    macro_rules! reduce {
        () => {
            concat!(
                "mov rdx, [{m} + 32]\n",
                "imul rdx, {t0}\n",
                "xor eax, eax\n",
                "mulx {high}, rax, [{m}]\n",
                "adcx rax, {t0}\n",
                "mov {t0}, {high}\n",
                "adcx {t0}, {t1}\n",
                "mulx {t1}, rax, [{m} + 8]\n",
                "adox {t0}, rax\n",
                "adcx {t1}, {t2}\n",
                "mulx {t2}, rax, [{m} + 16]\n",
                "adox {t1}, rax\n",
                "adcx {t2}, {t3}\n",
                "mulx {t3}, rax, [{m} + 24]\n",
                "adox {t2}, rax\n",
                "mov eax, 0\n",
                "adcx {t3}, rax\n",
                "adox {t3}, {t4}\n",
            )
        };
    }

    /// `a·b / 2^256` modulo the modulus, of two numbers below it; `None` without the instructions.
    #[inline]
    pub(super) fn product(a: &[u64; 4], b: &[u64; 4], modulus: &Modulus) -> Option<[u64; 4]> {
        if !(is_x86_feature_detected!("adx") && is_x86_feature_detected!("bmi2")) {
            return None;
        }
        let (t0, t1, t2, t3): (u64, u64, u64, u64);
        // SAFETY: the processor has the instructions. Only the forty bytes of `modulus` and the
        // thirty-two each of `a` and `b` are read, which the references keep alive and whose layouts
        // are fixed (arrays, and `repr(C)`); nothing is written to memory, the stack is not touched,
        // and every register that is written is an output.
        unsafe {
            asm!(
                first_row!(), reduce!(),
                row!("8"), reduce!(),
                row!("16"), reduce!(),
                row!("24"), reduce!(),
                a = in(reg) a,
                b = in(reg) b,
                m = in(reg) modulus,
                t0 = out(reg) t0,
                t1 = out(reg) t1,
                t2 = out(reg) t2,
                t3 = out(reg) t3,
                t4 = out(reg) _,
                high = out(reg) _,
                out("rax") _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        Some(below([t0, t1, t2, t3], &modulus.limbs))
    }

    /// A number below twice the modulus, less the modulus if it is not below it.
    #[inline]
    fn below(value: [u64; 4], modulus: &[u64; 4]) -> [u64; 4] {
        let (mut less, mut borrow) = ([0u64; 4], false);
        for ((less, value), modulus) in less.iter_mut().zip(value).zip(modulus) {
            let (difference, first) = value.overflowing_sub(*modulus);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            (*less, borrow) = (difference, first | second);
        }
        if borrow { value } else { less }
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::{BigInt, Field, PrimeField};
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    /// Numbers whose Montgomery forms are at the ends of limbs and of the field.
    fn edges<F: PrimeField<BigInt = BigInt<4>>>(of_limbs: impl Fn(BigInt<4>) -> F) -> Vec<F> {
        let mut edges = vec![F::ZERO, F::ONE, -F::ONE, F::GENERATOR];
        for limb in 0..4 {
            for value in [1, 1 << 63, u64::MAX] {
                let mut limbs = [0; 4];
                limbs[limb] = value;
                edges.push(of_limbs(BigInt(limbs)));
                limbs = F::MODULUS.0;
                limbs[limb] = limbs[limb].wrapping_sub(value);
                edges.push(of_limbs(BigInt(limbs)));
                limbs = [u64::MAX; 4];
                limbs[3] = F::MODULUS.0[3] - 1;
                limbs[limb] = limbs[limb].min(value);
                edges.push(of_limbs(BigInt(limbs)));
            }
        }
        edges
    }

    fn same<F: PrimeField + Product>(edges: &[F], seed: u64) {
        for a in edges {
            for b in edges {
                assert_eq!(a.product(b), *a * b, "{a} {b}");
            }
        }
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (mut a, mut b) = (F::rand(&mut rng), F::rand(&mut rng));
        for _ in 0..200_000 {
            let product = a.product(&b);
            assert_eq!(product, a * b, "{a} {b}");
            (a, b) = (b, product + F::rand(&mut rng));
            assert_eq!(a.product(&a), a.square());
        }
    }

    #[test]
    fn products_are_those_of_arkworks() {
        let reduced = |limbs: BigInt<4>, modulus: BigInt<4>| limbs < modulus;
        let of_base = |limbs| {
            if reduced(limbs, Fq::MODULUS) { Fq::new_unchecked(limbs) } else { Fq::ONE }
        };
        let of_scalar = |limbs| {
            if reduced(limbs, Fr::MODULUS) { Fr::new_unchecked(limbs) } else { Fr::ONE }
        };
        same(&edges(of_base), 1);
        same(&edges(of_scalar), 2);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_assembly_is_what_was_compared_where_the_processor_has_it() {
        let has = std::arch::is_x86_feature_detected!("adx")
            && std::arch::is_x86_feature_detected!("bmi2");
        let one = Fq::ONE.0.0;
        assert_eq!(assembly::product(&one, &one, &assembly::BASE).is_some(), has);
    }
}
