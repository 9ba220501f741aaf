//! Texts in both languages: a text that lacks one does not compile. Depends on [`super::Lang`].

/// Makes `Words`, every text of some pages, from lines such as `price: "Price", "价格";`. `{}` stands for a
/// value ([`fill`](crate::lang::fill)). The private list `ALL` is for the tests of whoever makes them.
#[macro_export]
macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// Every text of the pages.
        pub(crate) struct Words { $(pub $name: &'static str,)* }
        static ENGLISH: Words = Words { $($name: $english,)* };
        static CHINESE: Words = Words { $($name: $chinese,)* };
        impl Words {
            /// Every text in a language.
            pub(crate) fn of(lang: $crate::lang::Lang) -> &'static Self {
                match lang {
                    $crate::lang::Lang::English => &ENGLISH,
                    $crate::lang::Lang::Chinese => &CHINESE,
                }
            }
        }
        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $chinese),)*];
    };
}
