from django.contrib import admin
from django.http import HttpResponse
from django.urls import path


def connect_page(request):
    return HttpResponse("soon")


def connection_page(request, pk):
    return HttpResponse("soon")


urlpatterns = [
    path("connect/", admin.site.admin_view(connect_page), name="connect"),
    path("contacts/channel/<int:pk>/connection/", admin.site.admin_view(connection_page), name="channel-connection"),
]
