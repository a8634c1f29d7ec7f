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
STOP, STOPPED = "STOP", "Baik kak, kami tidak akan kirim promo lagi ya 🙏"
