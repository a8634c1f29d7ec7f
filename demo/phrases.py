"""Names of people and what they write to a T-shirt printer."""

from __future__ import annotations

FIRST = (
    "Adi", "Agus", "Aisyah", "Andi", "Anisa", "Arif", "Ayu", "Bagus", "Bambang", "Bayu", "Citra", "Dani", "Dedi",
    "Dewi", "Dian", "Dimas", "Dwi", "Eka", "Eko", "Endang", "Fajar", "Farah", "Fitri", "Galih", "Gita", "Hadi",
    "Hana", "Hendra", "Ika", "Ilham", "Indah", "Intan", "Irfan", "Joko", "Kartika", "Kevin", "Laila", "Lestari",
    "Lia", "Lukman", "Maya", "Mega", "Nadia", "Nanda", "Nia", "Nisa", "Novi", "Nur", "Putra", "Rahmat", "Rani",
    "Ratna", "Reza", "Rian", "Rina", "Rizky", "Rudi", "Salsa", "Sari", "Siti", "Slamet", "Sri", "Taufik", "Tia",
    "Tono", "Tri", "Vina", "Wahyu", "Wati", "Wulan", "Yanti", "Yoga", "Yudi", "Yuni", "Zahra",
)  # fmt: skip
LAST = (
    "Saputra", "Wijaya", "Pratama", "Santoso", "Hidayat", "Nugroho", "Setiawan", "Kurniawan", "Siregar", "Nasution",
    "Simanjuntak", "Permata", "Lestari", "Rahayu", "Maharani", "Utami", "Handayani", "Gunawan", "Firmansyah",
    "Ramadhan", "Hakim", "Fauzi", "Anggraini", "Puspita", "Kusuma", "Susanto", "Halim", "Tanjung", "Harahap",
    "Purnomo", "", "", "",
)  # fmt: skip
NICK = ("{first} {last}", "{first} {last}", "{first}", "{first} 🌸", "Kak {first}", "{first} Store", "Bunda {first}",
        "{first} Konveksi", "Toko {last}")  # fmt: skip

OPENINGS = (
    "Halo kak, mau tanya sablon kaos", "Assalamualaikum, bisa bikin kaos satuan?", "Kak, harga kaos 2 lusin berapa ya?",
    "Permisi, minimal order berapa pcs?", "Mau bikin kaos angkatan 40 pcs, bisa?", "Kak ready polos hitam ukuran XL?",
    "Halo, saya mau pesan jersey futsal", "Min, bisa desain sendiri?", "Kak mau tanya bahan combed 24s sama 30s",
    "Selamat siang, saya butuh seragam kantor 60 pcs", "Kaos partai besar bisa nego ga kak?", "P", "Tes",
)  # fmt: skip
QUESTIONS = (
    "Bisa kirim ke Surabaya?", "Jadinya berapa hari kak?", "Bisa lihat contoh hasilnya?", "Kalau 100 pcs dapat diskon?",
    "Sablonnya rubber atau plastisol?", "Ukuran anak ada?", "Bisa COD?", "Oke kak saya diskusi dulu ya",
    "Bahannya panas ga?", "Bisa revisi desain berapa kali?", "Warna maroon ready?", "Mahal ya kak 😅",
)  # fmt: skip
ANSWERS = (
    "Halo kak, dengan Kaos Kita 😊 Ada yang bisa dibantu?", "Bisa kak, minimal 12 pcs ya", "Siap kak, 7 hari kerja",
    "Untuk 24 pcs harganya Rp55.000/pcs kak", "Boleh kirim desainnya kak, nanti kami hitungkan",
    "Ready kak, mau warna apa?", "Ada diskon 5% untuk di atas 50 pcs kak", "Berikut katalognya ya kak 🙏",
    "Mohon ditunggu ya kak, kami cek stok dulu",
)  # fmt: skip
BUYING = ("Oke kak saya jadi pesan 24 pcs", "Deal kak, transfer ke mana?", "Saya ambil 50 pcs ya", "Oke saya DP dulu")
INVOICES = ("Total Rp1.320.000 ya kak, ke BCA 123xxxx a.n. Kaos Kita", "Ini invoicenya kak, DP 50% dulu ya 🙏")
PAID = ("Sudah transfer ya kak", "Sudah saya bayar, ini buktinya", "Done kak, tolong dicek")
THANKS = ("Terima kasih kak, pesanan kami proses ya 🙏", "Siap kak, pembayaran sudah masuk")
COMPLAINTS = ("Kak ini sablonnya retak", "Ukurannya ketuker kak!", "Kok belum sampai juga ya? Sudah 2 minggu",
              "Jahitannya lepas kak, saya kecewa")  # fmt: skip
SORRY = ("Mohon maaf kak 🙏 kami ganti ya", "Maaf atas ketidaknyamanannya kak, kami cek dulu")
AGAIN = ("Kak mau pesan lagi yang kemarin", "Repeat order kak, 36 pcs")
# Other ways to say the same, of which each customer draws some. How many there are changes nothing but words: the draw
# that decides what happens is not asked.
OTHERWISE = {
    "Halo kak, mau tanya sablon kaos": ("Halo kak mau tanya2 sablon kaos dong", "Siang min, sablon kaos brp ya"),
    "Kak, harga kaos 2 lusin berapa ya?": (
        "kak hrg kaos 2 lusin brp?", "Berapaan kak kalau 2 lusin?", "price list kaos nya dong kak",
    ),
    "Permisi, minimal order berapa pcs?": ("min order brp pcs kak?", "Minimal pesan berapa ya kak"),
    "Kak ready polos hitam ukuran XL?": ("ready polos item XL kak?", "Kaos hitam XL masih ada kak?"),
    "Halo, saya mau pesan jersey futsal": ("Halo min mau order jersey futsal", "mau pesen jersey futsal kak"),
    "Bisa kirim ke Surabaya?": ("bisa krm ke sby kak?", "Ongkir ke Surabaya berapa kak"),
    "Jadinya berapa hari kak?": ("brp hari jadi nya kak?", "Pengerjaan berapa lama ya"),
    "Oke kak saya diskusi dulu ya": (
        "Oke nanti saya kabari lagi ya kak", "tak pikir2 dulu ya kak", "Saya tanya bos dulu ya",
    ),
    "Mahal ya kak 😅": ("kemahalan kak 😭", "Waduh mahal juga ya kak", "budget saya ga masuk kak"),
    "Warna maroon ready?": ("maroon ready ga kak?", "Ada warna maroon kak?"),
    "Oke kak saya jadi pesan 24 pcs": (
        "Oke fix 24 pcs ya kak", "jd order 24 pcs kak", "Gas kak, saya pesan 24 pcs",
        "Jadi ya kak 24 pcs, minta total nya",
    ),
    "Deal kak, transfer ke mana?": (
        "Oke deal. minta norek nya kak", "deal kak, tf kemana?", "No rek nya dong kak",
        "Bayarnya ke rekening mana kak?",
    ),
    "Saya ambil 50 pcs ya": (
        "sy ambil 50 pcs kak", "Ok saya jadi ambil 50 pcs", "mau order 50 pcs kak, totalnya berapa",
    ),
    "Oke saya DP dulu": (
        "oke DP dulu ya kak, norek?", "Saya dp dulu, rekeningnya BCA kak?", "bisa dp dulu kan kak? minta norek",
    ),
    "Total Rp1.320.000 ya kak, ke BCA 123xxxx a.n. Kaos Kita": (
        "Totalnya 1.320.000 kak, transfer ke BCA 123xxxx a.n. Kaos Kita ya 🙏",
        "Rekening BCA 123xxxx a.n. Kaos Kita, total 1,32jt kak",
    ),
    "Ini invoicenya kak, DP 50% dulu ya 🙏": (
        "Berikut invoice nya kak, DP 50% ya 🙏", "Kami kirim invoicenya ya kak, pembayaran max besok",
    ),
    "Sudah transfer ya kak": (
        "udah tf ya kak", "sdh trf kak, cek ya", "Sudah saya transfer kak tadi", "sdh dikirim ya kak uangnya",
    ),
    "Sudah saya bayar, ini buktinya": (
        "Ini bukti transfernya kak", "bukti tf nya ya kak", "udah sy bayar kak, buktinya ini",
    ),
    "Done kak, tolong dicek": ("done ya min, cek mutasi", "Lunas ya kak, tolong dicek", "sudah lunas kak"),
    "Siap kak, pembayaran sudah masuk": (
        "Pembayaran sudah kami terima ya kak 🙏", "Dananya sudah masuk kak, kami proses",
    ),
    "Kak ini sablonnya retak": ("sablonnya retak kak 😠", "Kok sablonnya ngelupas ya kak", "kak ada yg cacat 3 pcs"),
    "Ukurannya ketuker kak!": (
        "kak ini salah ukuran!", "Barangnya ga sesuai pesanan kak", "pesan L dateng M, gmn nih kak",
    ),
    "Kok belum sampai juga ya? Sudah 2 minggu": (
        "Pesanan saya kok blm sampe2 ya", "paketnya mana kak? blm nyampe", "Kak kapan sampainya? resi ga gerak",
    ),
    "Jahitannya lepas kak, saya kecewa": (
        "jaitan lepas, kecewa bgt", "Mau refund aja kak, jahitan lepas", "Bisa retur kak? jahitannya rusak",
    ),
    "Mohon maaf kak 🙏 kami ganti ya": (
        "Mohon maaf sekali kak, kami ganti baru ya 🙏", "Maaf ya kak, kami kirim gantinya",
    ),
    "Kak mau pesan lagi yang kemarin": (
        "kak mau order lagi kyk kemarin", "Pesen lagi dong kak yg kemarin", "mau nambah lagi kak kaya yg kmrn",
    ),
    "Repeat order kak, 36 pcs": (
        "RO kak 36 pcs", "repeat order lg ya kak 36 pcs", "Mau repeat 36 pcs kak, desain sama",
    ),
}  # fmt: skip
STOP, STOPPED = "STOP", "Baik kak, kami tidak akan kirim promo lagi ya 🙏"
